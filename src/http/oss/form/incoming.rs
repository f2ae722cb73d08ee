//! A form on its way in.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use md5::{Digest as _, Md5};

use super::super::error::OssError;
use crate::domain::code::{self, Code, Reason};
use crate::domain::form::{SizeRange, UploadForm};
use crate::domain::secret::Digest;
use crate::service::error::BodyError;
use crate::service::object;
use crate::wire::form::{Boundary, FormReader, InvalidForm, Step};

/// A form of which so much was read as was needed.
pub(super) struct Incoming {
    bytes: object::Body,
    reader: FormReader,
    /// What `Content-MD5` says of the whole body, and the digest of what has come of it.
    md5: Option<(Digest, Md5)>,
}

/// Why nothing more is read.
enum Stop {
    Form(InvalidForm),
    Body(BodyError),
}

impl Incoming {
    pub(super) fn new(bytes: object::Body, boundary: &Boundary, md5: Option<Digest>) -> Self {
        Self { bytes, reader: FormReader::new(boundary), md5: md5.map(|md5| (md5, Md5::new())) }
    }

    /// Reads up to the file.
    pub(super) async fn form(&mut self) -> Result<UploadForm, OssError> {
        match self.step().await {
            Ok(Some(Step::Form(form))) => Ok(form),
            Ok(Some(Step::Bytes(_) | Step::End) | None) => Err(InvalidForm::NoFile.into()),
            Err(Stop::Form(err)) => Err(err.into()),
            Err(Stop::Body(err)) => Err(err.into()),
        }
    }

    /// The next step. `None` when the body has ended as it should.
    async fn step(&mut self) -> Result<Option<Step>, Stop> {
        loop {
            if let Some(step) = self.reader.advance().map_err(Stop::Form)? {
                return Ok(Some(step));
            }
            let Some(bytes) = self.bytes.try_next().await.map_err(Stop::Body)? else {
                self.reader.finish().map_err(Stop::Form)?;
                return self.check_md5().map(|()| None);
            };
            if let Some((_, md5)) = &mut self.md5 {
                md5.update(&bytes);
            }
            self.reader.feed(bytes);
        }
    }

    fn check_md5(&mut self) -> Result<(), Stop> {
        let Some((want, md5)) = self.md5.take() else { return Ok(()) };
        if want.matches(&Digest::new(md5.finalize().as_slice())) {
            Ok(())
        } else {
            Err(refuse(Reason::of(Code::InvalidDigest)))
        }
    }

    /// What was not read.
    pub(super) fn into_rest(self) -> object::Body {
        self.bytes
    }

    /// The bytes of the file. They end well only if there are as many as there may be and the form
    /// ends well, too: whatever stands behind the file is read before the file counts. Behind an
    /// error comes what was not read, for whoever reads it and forgets it.
    pub(super) fn into_file(self, range: SizeRange) -> object::Body {
        let file = File { form: self, range, came: 0 };
        stream::unfold(Left::File(Box::new(file)), async |left| match left {
            Left::File(mut file) => match file.next().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Left::File(file))),
                Ok(None) => None,
                Err(stop) => Some((Err(stop.into()), Left::Rest(file.form.into_rest()))),
            },
            Left::Rest(mut rest) => rest.next().await.map(|bytes| (bytes, Left::Rest(rest))),
        })
        .fuse()
        .boxed()
    }
}

/// What there still is of a form.
enum Left {
    File(Box<File>),
    Rest(object::Body),
}

struct File {
    form: Incoming,
    range: SizeRange,
    came: u64,
}

impl File {
    async fn next(&mut self) -> Result<Option<Bytes>, Stop> {
        while let Some(step) = self.form.step().await? {
            match step {
                Step::Bytes(bytes) => {
                    self.came += bytes.len() as u64;
                    if self.came > self.range.most {
                        return Err(refuse(code::FORM_FILE_TOO_LARGE));
                    }
                    return Ok(Some(bytes));
                }
                Step::End if self.came < self.range.least => {
                    return Err(refuse(code::FORM_FILE_TOO_SMALL));
                }
                Step::End => {}
                Step::Form(_) => return Err(Stop::Form(InvalidForm::TwoFiles)),
            }
        }
        Ok(None)
    }
}

impl From<Stop> for BodyError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Form(err) => Self::Refused(err.reason()),
            Stop::Body(err) => err,
        }
    }
}

const fn refuse(reason: Reason) -> Stop {
    Stop::Body(BodyError::Refused(reason))
}
