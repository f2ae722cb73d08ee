//! The body of an error.

use super::xml::{XmlWriter, tag};
use crate::domain::code::Reason;

/// An error as the client sees it.
#[derive(Debug)]
pub struct ErrorBody<'e> {
    /// The code and its number.
    pub reason: &'e Reason,
    /// The text for a person.
    pub message: &'e str,
    /// The request's id.
    pub request_id: &'e str,
    /// The host that the request named.
    pub host: &'e str,
    /// Elements of this error alone.
    pub details: &'e [(&'static str, String)],
}

/// Writes `<Error>`: the common elements, those of this error, and the number of the cause with
/// the page that explains it.
///
/// Source: OSS "Error responses"; the order is that of the examples of "Verify hotlink
/// protection".
pub fn write_error(error: &ErrorBody<'_>) -> Vec<u8> {
    XmlWriter::document("Error", |x| {
        x.words(tag!("Code"), &[error.reason.code.as_str()]);
        x.tagged(tag!("Message"), error.message);
        x.tagged(tag!("RequestId"), error.request_id);
        x.tagged(tag!("HostId"), error.host);
        for (name, value) in error.details {
            x.string(name, value);
        }
        if let Some(ec) = error.reason.ec {
            x.words(tag!("EC"), &[ec]);
            x.words(tag!("RecommendDoc"), &["https://api.aliyun.com/troubleshoot?q=", ec]);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::code::{Code, REFERER_NOT_WHITELISTED};

    /// The example of OSS's "Verify hotlink protection".
    #[test]
    fn the_example_of_the_manual() {
        let body = write_error(&ErrorBody {
            reason: &REFERER_NOT_WHITELISTED,
            message: REFERER_NOT_WHITELISTED.message,
            request_id: "66D7AFFD874A1E3735C00888",
            host: "examplebucket.oss-cn-hangzhou.aliyuncs.com",
            details: &[("BucketName", "examplebucket".into())],
        });
        let want = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code>\
            <Message>You are denied by bucket referer policy.</Message>\
            <RequestId>66D7AFFD874A1E3735C00888</RequestId>\
            <HostId>examplebucket.oss-cn-hangzhou.aliyuncs.com</HostId>\
            <BucketName>examplebucket</BucketName><EC>0003-00000503</EC>\
            <RecommendDoc>https://api.aliyun.com/troubleshoot?q=0003-00000503</RecommendDoc>\
            </Error>";
        assert_eq!(String::from_utf8(body).unwrap(), want);
    }

    /// What a client chose stands in the error as text, and an error without a number has no page.
    #[test]
    fn text_is_escaped() {
        let reason = Reason::of(Code::InvalidArgument);
        assert_eq!(reason.ec, None);
        let body = write_error(&ErrorBody {
            reason: &reason,
            message: "1 < 2 & \u{1}",
            request_id: "66D7AFFD874A1E3735C00888",
            host: "a<&b",
            details: &[("Key", "</Key>".into())],
        });
        let want = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InvalidArgument</Code>\
            <Message>1 &lt; 2 &amp; \u{FFFD}</Message><RequestId>66D7AFFD874A1E3735C00888</RequestId>\
            <HostId>a&lt;&amp;b</HostId><Key>&lt;/Key&gt;</Key></Error>";
        assert_eq!(String::from_utf8(body).unwrap(), want);
    }
}
