//! As much of the [protocol buffers encoding](https://protobuf.dev/programming-guides/encoding/)
//! as a model file needs.

use crate::error::InferError;

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wire<'a> {
    /// A number of variable length: integers, truth values, enumerations.
    Varint(u64),
    /// Four bytes: floats.
    Fixed32([u8; 4]),
    /// Eight bytes, which this format has no use for.
    Fixed64,
    /// Text, bytes or a message, and where it begins in the file.
    Bytes(&'a [u8], u64),
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) number: u64,
    pub(super) value: Wire<'a>,
    /// Where the field begins in the file.
    pub(super) offset: u64,
}

/// Walks the fields of a message.
pub(super) struct Message<'a> {
    file: &'a str,
    /// The message, for errors.
    name: &'a str,
    rest: &'a [u8],
    offset: u64,
}

impl<'a> Message<'a> {
    pub(super) fn new(file: &'a str, name: &'a str, bytes: &'a [u8], offset: u64) -> Self {
        Message { file, name, rest: bytes, offset }
    }

    /// The next field; `None` at the end of the message.
    pub(super) fn next(&mut self) -> Result<Option<Field<'a>>, InferError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let offset = self.offset;
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Wire::Fixed64
            }
            2 => {
                let length = self.varint()?;
                let start = self.offset;
                Wire::Bytes(self.take(length)?, start)
            }
            5 => {
                let bytes = self.take(4)?;
                Wire::Fixed32([bytes[0], bytes[1], bytes[2], bytes[3]])
            }
            _ => return Err(self.invalid(offset, "wire type is none of 0, 1, 2 and 5")),
        };
        if key >> 3 == 0 {
            return Err(self.invalid(offset, "field number is zero"));
        }
        Ok(Some(Field { number: key >> 3, value, offset }))
    }

    fn invalid(&self, offset: u64, what: &'static str) -> InferError {
        InferError::Invalid { file: self.file.into(), field: self.name.into(), offset, what }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], InferError> {
        let available = self.rest.len() as u64;
        if length > available {
            return Err(InferError::Truncated {
                file: self.file.into(),
                field: self.name.into(),
                offset: self.offset,
                needed: length,
                available,
            });
        }
        let (taken, rest) = self.rest.split_at(length as usize);
        self.rest = rest;
        self.offset += length;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, InferError> {
        let start = self.offset;
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.invalid(start, "number is longer than ten bytes"))
    }
}
