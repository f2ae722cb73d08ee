"""What OSS's documentation says of a request that the referer policy denies."""

MESSAGE = "You are denied by bucket referer policy."

# https://www.alibabacloud.com/help/en/oss/user-guide/0003-00000501 and its neighbours
EMPTY_REFERER = "0003-00000501"
BLACKLISTED = "0003-00000502"
NOT_WHITELISTED = "0003-00000503"

REQUEST_ID_LENGTH = 24
