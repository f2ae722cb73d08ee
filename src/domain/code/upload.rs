//! The reasons of what is uploaded: in parts, by appending, and bodies as such.

use super::{Code as C, Reason};

#[rustfmt::skip]
reasons! {
    /// The upload of the request is not there.
    NO_SUCH_UPLOAD = Reason::ec(C::NoSuchUpload, "0042-00000002");
    /// The same, told to somebody who uploads a part.
    NO_SUCH_UPLOAD_OF_PART = Reason::ec(C::NoSuchUpload, "0042-00000104");
    /// The same, told to somebody who copies a part.
    NO_SUCH_UPLOAD_OF_COPY = Reason::ec(C::NoSuchUpload, "0042-00000311");
    /// `CompleteMultipartUpload`: the numbers of the parts do not ascend.
    PART_ORDER = Reason::ec(C::InvalidPartOrder, "0042-00000209");
    /// `CompleteMultipartUpload`: a part that is not the last has under 100 KiB.
    PART_TOO_SMALL = Reason::ec(C::EntityTooSmall, "0042-00000213");
    /// `CompleteMultipartUpload`: all parts are wanted, and there is none.
    NO_PARTS = Reason::saying(C::InvalidPart, "No part was uploaded.");
    /// `CompleteMultipartUpload`: all parts are wanted, and some are listed.
    COMPLETE_ALL_WITH_BODY = Reason::new(C::InvalidArgument, "0042-00000216",
        "A request with x-oss-complete-all: yes has no body.");
    /// `AppendObject` without a position.
    POSITION_MISSING = Reason::new(C::InvalidArgument, "0016-00000501",
        "The parameter position is missing.");
    /// `AppendObject` with a position that is none.
    POSITION_INVALID = Reason::new(C::InvalidArgument, "0016-00000502",
        "The parameter position must be a number of bytes.");
    /// `AppendObject` at another position than the end.
    APPEND_ELSEWHERE = Reason::ec(C::PositionNotEqualToLength, "0026-00000016");
    /// `AppendObject` to an object that was not made by appending.
    NOT_APPENDABLE = Reason::ec(C::ObjectNotAppendable, "0026-00000017");
    /// No `partNumber`.
    PART_NUMBER_MISSING = Reason::new(C::InvalidArgument, "0017-00000219",
        "The parameter partNumber is missing.");
    /// A `partNumber` that is none.
    PART_NUMBER_INVALID = Reason::new(C::InvalidArgument, "0017-00000220",
        "Part number must be an integer between 1 and 10000, inclusive.");
    /// `x-oss-copy-source-range` is not a range.
    COPY_RANGE_MALFORMED = Reason::saying(C::InvalidArgument,
        "x-oss-copy-source-range must be one range of bytes, such as bytes=0-9.");
    /// `x-oss-copy-source-range` is not within the source.
    COPY_RANGE_OUTSIDE = Reason::saying(C::InvalidRange,
        "x-oss-copy-source-range is not within the source object.");

    /// `x-oss-forbid-overwrite` is neither `true` nor `false`.
    FORBID_OVERWRITE_INVALID = Reason::new(C::InvalidArgument, "0017-00000279",
        "x-oss-forbid-overwrite must be true or false.");
    /// A body in the frames of S3's clients.
    AWS_CHUNKED = Reason::new(C::InvalidArgument, "0017-00000804",
        "aws-chunked encoding is not supported. Send the body as it is, with a Content-Length or with Transfer-Encoding: chunked.");
}
