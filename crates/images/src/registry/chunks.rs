//! A blob on its way, piece by piece.

use bytes::Bytes;
use futures::stream::BoxStream;

use super::trouble::Trouble;

/// The pieces of a blob, in order, until its end or until something went wrong.
pub(super) type Chunks = BoxStream<'static, Result<Bytes, Trouble>>;
