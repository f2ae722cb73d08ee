//! Bodies of the operations that copy.
//!
//! Source: OSS "CopyObject".

use super::xml::XmlWriter;
use crate::domain::object::ETag;
use crate::domain::time::UnixMillis;

/// Writes `<CopyObjectResult>`.
pub fn write_copy_result(etag: &ETag, modified: UnixMillis) -> Vec<u8> {
    XmlWriter::document("CopyObjectResult", |x| {
        x.text("ETag", etag.quoted());
        x.text("LastModified", modified.to_iso8601());
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documentation's example, but for its line breaks.
    #[test]
    fn the_result_of_a_copy() {
        let etag = ETag::from_stored("C81E728D9D4C2F636F067F89CC14862C");
        let body = write_copy_result(&etag, UnixMillis(1_554_781_532_000));
        let want = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <CopyObjectResult><ETag>\"C81E728D9D4C2F636F067F89CC14862C\"</ETag>\
            <LastModified>2019-04-09T03:45:32.000Z</LastModified></CopyObjectResult>";
        assert_eq!(String::from_utf8(body).unwrap(), want);
    }
}
