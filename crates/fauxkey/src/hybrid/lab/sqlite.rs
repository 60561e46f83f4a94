//! A database of one table in one file, as SQLite keeps it
//! ([Database File Format](https://www.sqlite.org/fileformat2.html)): enough for NSS's certificates, and no more.
use std::io;

/// Bytes of a page.
const PAGE: usize = 4096;
/// The header of the file, before the first page's own (§1.3).
const FILE_HEADER: usize = 100;
/// The header of a leaf of a table (§1.6).
const LEAF_HEADER: usize = 8;
const TABLE_LEAF: u8 = 0x0d;

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Integer(i32),
    Blob(Vec<u8>),
    Text(String),
}

/// The file that has the table and its rows, numbered from 1.
///
/// # Errors
/// InvalidInput, if schema or rows do not fit on a page each.
pub(super) fn file(table: &str, columns: &[String], rows: &[Vec<Value>]) -> io::Result<Vec<u8>> {
    let statement = format!("CREATE TABLE {table} ({})", columns.join(", "));
    // §2.6: type, name, table, root page, statement.
    let schema = vec![
        Value::Text("table".into()),
        Value::Text(table.into()),
        Value::Text(table.into()),
        Value::Integer(2),
        Value::Text(statement),
    ];
    let mut first = leaf(FILE_HEADER, &[schema])?;
    first[..FILE_HEADER].copy_from_slice(&file_header());
    first.extend(leaf(0, rows)?);
    Ok(first)
}

/// §1.3.
fn file_header() -> [u8; FILE_HEADER] {
    let mut header = [0; FILE_HEADER];
    header[..16].copy_from_slice(b"SQLite format 3\0");
    header[16..18].copy_from_slice(&(PAGE as u16).to_be_bytes());
    // A rollback journal for writing and reading, and the three payload fractions.
    header[18..24].copy_from_slice(&[1, 1, 0, 64, 32, 32]);
    let mut put = |at: usize, value: u32| header[at..at + 4].copy_from_slice(&value.to_be_bytes());
    // The change counter, and the number of pages, which counts while offset 92 has the same counter.
    put(24, 1);
    put(28, 2);
    put(92, 1);
    // The schema's cookie and format; UTF-8; the version of SQLite that this could have been.
    put(40, 1);
    put(44, 4);
    put(56, 1);
    put(96, 3_040_001);
    header
}

/// A leaf of a table, of which the first bytes are not the page's (§1.6). Rows are filled in from its end.
fn leaf(from: usize, rows: &[Vec<Value>]) -> io::Result<Vec<u8>> {
    let too_much = || io::Error::new(io::ErrorKind::InvalidInput, "it does not fit on a page of a database");
    let mut page = vec![0; PAGE];
    let mut content = PAGE;
    let pointers = from + LEAF_HEADER;
    for (index, row) in rows.iter().enumerate() {
        let record = record(row);
        let mut cell = varint(record.len());
        cell.extend(varint(index + 1));
        cell.extend(record);
        content = content.checked_sub(cell.len()).ok_or_else(too_much)?;
        let pointer = pointers + 2 * index;
        if content < pointers + 2 * rows.len() {
            return Err(too_much());
        }
        page[content..content + cell.len()].copy_from_slice(&cell);
        page[pointer..pointer + 2].copy_from_slice(&be16(content));
    }
    page[from] = TABLE_LEAF;
    page[from + 3..from + 5].copy_from_slice(&be16(rows.len()));
    page[from + 5..from + 7].copy_from_slice(&be16(content));
    Ok(page)
}

fn be16(value: usize) -> [u8; 2] {
    u16::try_from(value).expect("it is an offset in a page").to_be_bytes()
}

/// §2.1: the lengths and types of all values, and then the values.
fn record(row: &[Value]) -> Vec<u8> {
    let mut types = Vec::new();
    let mut body = Vec::new();
    for value in row {
        match value {
            Value::Null => types.extend(varint(0)),
            Value::Integer(number) => {
                types.extend(varint(4));
                body.extend(number.to_be_bytes());
            }
            Value::Blob(bytes) => {
                types.extend(varint(12 + 2 * bytes.len()));
                body.extend(bytes);
            }
            Value::Text(text) => {
                types.extend(varint(13 + 2 * text.len()));
                body.extend(text.as_bytes());
            }
        }
    }
    // The header's length counts itself.
    let length = types.len() + 1;
    let mut record = varint(if length < 0x80 { length } else { length + 1 });
    record.extend(types);
    record.extend(body);
    record
}

/// §1.6: seven bits a byte, the highest first, each but the last marked.
fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = vec![(value & 0x7f) as u8];
    while value > 0x7f {
        value >>= 7;
        bytes.insert(0, (value & 0x7f) as u8 | 0x80);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_seven_bits_a_byte() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(0x7f), [0x7f]);
        assert_eq!(varint(0x80), [0x81, 0]);
        assert_eq!(varint(0x3fff), [0xff, 0x7f]);
        assert_eq!(varint(0x4000), [0x81, 0x80, 0]);
    }

    #[test]
    fn a_record_has_types_before_values() {
        let row = [Value::Null, Value::Integer(1), Value::Blob(vec![7]), Value::Text("ab".into())];
        assert_eq!(record(&row), [5, 0, 4, 14, 17, 0, 0, 0, 1, 7, b'a', b'b']);
        // 130 types: two bytes for the header's length, which counts both.
        assert_eq!(record(&vec![Value::Null; 130])[..3], [0x81, 0x04, 0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let columns = ["id".to_owned()];
        let row = |length| vec![Value::Blob(vec![0; length])];
        assert_eq!(file("t", &columns, &[row(4000)]).unwrap().len(), 2 * PAGE);
        for rows in [vec![row(4096)], vec![row(2040), row(2040)], vec![row(4084)]] {
            assert_eq!(file("t", &columns, &rows).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        assert!(file("t", &vec!["column".to_owned(); 1000], &[]).is_err());
    }
}
