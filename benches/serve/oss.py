"""The little of OSS that the measurement needs: requests signed with V4, by header and by URL."""

import hashlib
import hmac
import http.client
import time
from urllib.parse import quote

REGION = "cn-hangzhou"
SAFE = "-_.~"


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Owner:
    """An access key and the server that it is for."""

    def __init__(self, port, key_id, secret):
        self.port, self.key_id, self.secret = port, key_id, secret

    def _signature(self, method, path, query, headers, moment):
        date = moment[:8]
        query = "&".join(
            f"{quote(name, safe=SAFE)}={quote(value, safe=SAFE)}" if value else quote(name, safe=SAFE)
            for name, value in sorted(query.items())
        )
        signed = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
        canonical = "\n".join([method, quote(path, safe=SAFE + "/"), query, signed, "", "UNSIGNED-PAYLOAD"])
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        scope = f"{date}/{REGION}/oss/aliyun_v4_request"
        text = f"OSS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
        key = f"aliyun_v4{self.secret}".encode()
        for part in (date, REGION, "oss", "aliyun_v4_request"):
            key = _hmac(key, part)
        return scope, _hmac(key, text).hex()

    def presign(self, method, path, query=(), seconds=86_400):
        """A path with a query that anybody may use for a day."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        query = dict(query) | {
            "x-oss-signature-version": "OSS4-HMAC-SHA256",
            "x-oss-credential": f"{self.key_id}/{moment[:8]}/{REGION}/oss/aliyun_v4_request",
            "x-oss-date": moment,
            "x-oss-expires": str(seconds),
        }
        _, signature = self._signature(method, path, query, {}, moment)
        query["x-oss-signature"] = signature
        pairs = (f"{quote(name, safe=SAFE)}={quote(value, safe=SAFE)}" for name, value in query.items())
        return f"{quote(path, safe=SAFE + '/')}?{'&'.join(pairs)}"

    def request(self, method, path, query=(), body=b"", headers=()):
        """Sends a signed request; an answer of 300 or more is an error."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = dict(headers) | {"x-oss-date": moment, "x-oss-content-sha256": "UNSIGNED-PAYLOAD"}
        query = dict(query)
        scope, signature = self._signature(method, path, query, headers, moment)
        headers["Authorization"] = (
            f"OSS4-HMAC-SHA256 Credential={self.key_id}/{scope},Signature={signature}"
        )
        target = quote(path, safe=SAFE + "/")
        if query:
            target += "?" + "&".join(f"{quote(n, safe=SAFE)}={quote(v, safe=SAFE)}" for n, v in query.items())
        return send(self.port, method, target, body, headers)


def send(port, method, target, body=b"", headers=(), accept=range(200, 300)):
    """Sends a request and returns its answer's headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    try:
        connection.request(method, target, body or None, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
        if answer.status not in accept:
            raise RuntimeError(f"{method} {target}: {answer.status} {content[:300]!r}")
        return answer.headers, content
    finally:
        connection.close()
