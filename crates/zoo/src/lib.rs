//! Model zoo of benchrack: architectures written as ONNX, in fp32 and int8, with manifests.
