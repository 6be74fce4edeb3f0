//! OpenAPI schemas of types whose JSON form is a text.

use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! text_schemas {
    ($($name:ty, $example:literal, $description:literal;)*) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(SchemaType::Type(Type::String))
                    .description(Some($description))
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

text_schemas! {
    crate::ids::ArtifactId, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "SHA-256, 64 hexadecimal digits";
    crate::budget::Limit, "33 ms", "a figure with its unit: ns, us, ms, s, B, kB, MB, GB, mJ, J, dB, fps";
    crate::signature::PublicKey, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "Ed25519, 64 hexadecimal digits";
    crate::signature::Signature, "00", "Ed25519, 128 hexadecimal digits";
    crate::cpuset::CpuSet, "0-3,6", "CPU numbers in the kernel's list form";
    crate::session::Cores, "big", "all, little, mid, big, prime, or a CPU list";
    crate::study::Figure, "latency", "a metric's name, macs, parameters, package_ with a packaging, or engine_size";
    crate::frequency::Frequency, "60%", "unpinned, min, max, a percentage, MHz, one of these for each cluster (little=min,big=60%), or fixed-performance";
    crate::suite::Clock, "sweep", "a frequency, or sweep";
}
