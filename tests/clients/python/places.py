"""The ways to address a bucket that an SDK can be set to."""

from typing import NamedTuple

from server import BASE_DOMAIN, CNAME, CNAME_BUCKET

PLACES = ("path", "virtual_host", "cname")


class Place(NamedTuple):
    """What a client is told: the endpoint, the bucket, and whether the endpoint is a CNAME."""

    endpoint: str
    bucket: str
    is_cname: bool

    @property
    def host(self):
        """The host, without port, that requests for the bucket carry."""
        netloc = self.endpoint.removeprefix("http://").rsplit(":", 1)[0]
        return f"{self.bucket}.{netloc}" if netloc == BASE_DOMAIN else netloc


def place_named(name, server, fresh_name):
    match name:
        case "path":
            return Place(server.endpoint, fresh_name, is_cname=False)
        case "virtual_host":
            return Place(f"http://{BASE_DOMAIN}:{server.port}", fresh_name, is_cname=False)
        case "cname":
            return Place(f"http://{CNAME}:{server.port}", CNAME_BUCKET, is_cname=True)
