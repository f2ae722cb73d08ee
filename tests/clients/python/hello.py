"""Content with published check values: MD5 by RFC 1321's algorithm, CRC-64/XZ as in OSS's SDKs' own
tests."""

HELLO = b"hello world"
HELLO_MD5 = "5EB63BBBE01EEED093CB22BB8F5ACDC3"
HELLO_CRC64 = 5981764153023615706
