//! Tensors in numpy's `.npy` files, read as f32 whatever their type.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use npyz::{DType, NpyFile, Order, TypeChar};

/// A tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// Why a file gives no tensor.
#[derive(Debug, thiserror::Error)]
pub enum NpyError {
    /// It cannot be read, or is not in the format.
    #[error("cannot read {} as a numpy .npy file", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Of a type or an order that is not known here.
    #[error("{} holds {what}; save it as float32 in C order: numpy.save(file, numpy.ascontiguousarray(x, 'float32'))", path.display())]
    Unknown {
        /// Which.
        path: PathBuf,
        /// What it holds.
        what: String,
    },
}

/// Reads a file.
///
/// # Errors
/// When it is not in the format, or holds a type that f32 cannot hold exactly enough: float, and integers of at most 64
/// bits whose values f32 has, are taken.
pub fn read(path: &Path) -> Result<Array, NpyError> {
    let broken = |source| NpyError::Read { path: path.to_owned(), source };
    let unknown = |what: String| NpyError::Unknown { path: path.to_owned(), what };
    let file = NpyFile::new(BufReader::new(File::open(path).map_err(broken)?)).map_err(broken)?;
    let shape: Vec<usize> = file.shape().iter().map(|&size| usize::try_from(size).unwrap_or(usize::MAX)).collect();
    if file.order() == Order::Fortran && shape.len() > 1 {
        return Err(unknown("a tensor in Fortran order".into()));
    }
    let kind = match file.dtype() {
        DType::Plain(kind) => kind,
        other => return Err(unknown(format!("elements of type {}", other.descr()))),
    };
    let values = match (kind.type_char(), kind.num_bytes()) {
        (TypeChar::Float, Some(4)) => file.into_vec::<f32>(),
        (TypeChar::Float, Some(8)) => file.into_vec::<f64>().map(|values| values.into_iter().map(|value| value as f32).collect()),
        (TypeChar::Uint, Some(1)) => file.into_vec::<u8>().map(|values| values.into_iter().map(f32::from).collect()),
        (TypeChar::Int, Some(1)) => file.into_vec::<i8>().map(|values| values.into_iter().map(f32::from).collect()),
        (TypeChar::Int, Some(4)) => return integers(file.into_vec::<i32>().map_err(broken)?, shape, unknown),
        (TypeChar::Int, Some(8)) => return integers(file.into_vec::<i64>().map_err(broken)?, shape, unknown),
        _ => return Err(unknown(format!("elements of type {kind}"))),
    };
    Ok(Array { shape, values: values.map_err(broken)? })
}

/// Integers up to 2^24 are exact in f32; a larger one would be another number.
fn integers<T: Into<i64>>(values: Vec<T>, shape: Vec<usize>, unknown: impl Fn(String) -> NpyError) -> Result<Array, NpyError> {
    const EXACT: i64 = 1 << 24;
    let convert = |value: T| {
        let value: i64 = value.into();
        if value.abs() > EXACT { Err(unknown(format!("the integer {value}, which f32 has not"))) } else { Ok(value as f32) }
    };
    Ok(Array { shape, values: values.into_iter().map(convert).collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A file of version 1.0 of the format: magic, version, length of the header, header, data.
    fn save(folder: &Path, header: &str, data: &[u8]) -> PathBuf {
        let path = folder.join("x.npy");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len() + 1).unwrap().to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.push(b'\n');
        bytes.extend(data);
        File::create(&path).unwrap().write_all(&bytes).unwrap();
        path
    }

    #[test]
    fn floats_and_integers_are_read_with_their_shape() {
        let folder = tempfile::tempdir().unwrap();
        let floats: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        let path = save(folder.path(), "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", &floats);
        assert_eq!(read(&path).unwrap(), Array { shape: vec![1, 2], values: vec![1.5, -2.0] });
        let path = save(folder.path(), "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", &7i64.to_le_bytes());
        assert_eq!(read(&path).unwrap(), Array { shape: vec![1], values: vec![7.0] });
        let path = save(folder.path(), "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", &[3, 255]);
        assert_eq!(read(&path).unwrap().values, [3.0, 255.0]);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let cases: [(&str, &[u8], &str); 5] = [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", &[0; 4], "cannot read"),
            ("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", &[0; 4], "Fortran"),
            ("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", &[0; 8], "<c8"),
            ("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", &(1i64 << 40).to_le_bytes(), "1099511627776"),
            ("nonsense", &[], "cannot read"),
        ];
        for (header, data, word) in cases {
            let path = save(folder.path(), header, data);
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("x.npy"), "{header}: {error}");
        }
        assert!(read(Path::new("/nowhere/x.npy")).is_err());
    }
}
