"""Referer policies as the XML of PutBucketReferer."""

from typing import NamedTuple
from xml.sax.saxutils import escape


class Policy(NamedTuple):
    """A referer policy; the defaults are OSS's."""

    whitelist: tuple = ()
    blacklist: tuple = ()
    allow_empty: bool = True
    truncate_query: bool = True
    truncate_path: bool = False

    def xml(self):
        return (
            "<RefererConfiguration>"
            f"<AllowEmptyReferer>{boolean(self.allow_empty)}</AllowEmptyReferer>"
            f"<AllowTruncateQueryString>{boolean(self.truncate_query)}</AllowTruncateQueryString>"
            f"<TruncatePath>{boolean(self.truncate_path)}</TruncatePath>"
            f"<RefererList>{entries(self.whitelist)}</RefererList>"
            f"<RefererBlacklist>{entries(self.blacklist)}</RefererBlacklist>"
            "</RefererConfiguration>"
        )


def boolean(value):
    return "true" if value else "false"


def entries(patterns):
    return "".join(f"<Referer>{escape(pattern)}</Referer>" for pattern in patterns)
