"""The rules of a referer policy, one table per rule, asked as browsers ask: plain HTTP.

Sources: "Configure Referer whitelists or blacklists to prevent hotlinking" (user guide), the
pages of the EC numbers, PutBucketReferer. Rows marked "(ours)" are not documented.
"""

import oss2
import pytest
import requests

from denials import BLACKLISTED, EMPTY_REFERER, NOT_WHITELISTED
from policies import Policy

ALLOWED = None
KEY = "folder/cat.png"
CONTENT = b"not really a picture"


@pytest.fixture
def ask(server, owner_bucket):
    """Puts a policy on a public bucket and asks for its object with a Referer; answers with the
    EC of the denial, or with ALLOWED."""
    owner_bucket.put_bucket_acl(oss2.BUCKET_ACL_PUBLIC_READ)
    owner_bucket.put_object(KEY, CONTENT)
    url = f"{server.endpoint}/{owner_bucket.bucket_name}/{KEY}"

    def ask(policy, referer):
        owner_bucket.put_bucket_referer(policy.xml())
        headers = {} if referer is None else {"Referer": referer.encode()}
        answer = requests.get(url, headers=headers)
        if answer.status_code == 200:
            assert answer.content == CONTENT
            return ALLOWED
        assert (answer.status_code, CONTENT in answer.content) == (403, False)
        return answer.headers["x-oss-ec"]

    return ask


WHITE = ("http://white.example",)
BLACK = ("http://black.example",)

# Whitelist, blacklist, AllowEmptyReferer; then the answers to an empty Referer, one on the
# blacklist, one on the whitelist, one on neither list. "how it works" of the user guide.
DECISIONS = [
    ((), (), True, ALLOWED, ALLOWED, ALLOWED, ALLOWED),
    # Without a whitelist AllowEmptyReferer has nothing to say.
    ((), (), False, ALLOWED, ALLOWED, ALLOWED, ALLOWED),
    ((), BLACK, True, ALLOWED, BLACKLISTED, ALLOWED, ALLOWED),
    ((), BLACK, False, ALLOWED, BLACKLISTED, ALLOWED, ALLOWED),
    (WHITE, (), True, ALLOWED, NOT_WHITELISTED, ALLOWED, NOT_WHITELISTED),
    (WHITE, (), False, EMPTY_REFERER, NOT_WHITELISTED, ALLOWED, NOT_WHITELISTED),
    (WHITE, BLACK, True, ALLOWED, BLACKLISTED, ALLOWED, NOT_WHITELISTED),
    (WHITE, BLACK, False, EMPTY_REFERER, BLACKLISTED, ALLOWED, NOT_WHITELISTED),
]


@pytest.mark.parametrize(
    ("whitelist", "blacklist", "allow_empty", "empty", "black", "white", "other"),
    DECISIONS,
    ids=lambda value: None if isinstance(value, str) else str(value),
)
def test_the_decision_table(ask, whitelist, blacklist, allow_empty, empty, black, white, other):
    policy = Policy(whitelist, blacklist, allow_empty)
    answers = [
        ask(policy, referer)
        for referer in (
            None,
            "http://black.example/page",
            "http://white.example/page",
            "http://other.example/page",
        )
    ]
    assert answers == [empty, black, white, other]


def test_a_missing_header_and_an_empty_one_are_the_same(ask):
    for referer in (None, ""):
        assert ask(Policy(WHITE, allow_empty=False), referer) == EMPTY_REFERER
        assert ask(Policy(WHITE, allow_empty=True), referer) == ALLOWED


def test_the_blacklist_is_stronger_than_the_whitelist(ask):
    policy = Policy(("*",), ("*bad-site.example",))
    assert ask(policy, "http://www.example.com") == ALLOWED
    assert ask(policy, "http://bad-site.example") == BLACKLISTED
    assert ask(policy, None) == ALLOWED
    assert ask(Policy(WHITE, WHITE), "http://white.example") == BLACKLISTED


MATCHES = [
    # pattern, Referer, whether it matches
    ("http://www.aliyun.com", "http://www.aliyun.com/123", True),
    ("http://www.aliyun.com", "http://www.aliyun.com.cn", True),
    ("http://www.aliyun.com", "https://www.aliyun.com/123", False),
    ("http://www.aliyun.com", "https://www.aliyun.com.cn", False),
    ("http://www.aliyun.com", "www.aliyun.com", False),
    ("*", "http://anything.example", True),
    ("*", "http://10.10.10.10:8080/x", True),
    ("*www.example.com", "www.example.com", True),
    ("*www.example.com", "https://www.example.com", True),
    ("*.example.com", "https://help.example.com", True),
    ("http://*.domain.com", "http://domain.com", False),
    ("http://www.aliyun?.com", "http://www.aliyunc.com", True),
    ("http://www.aliyun?.com", "http://www.aliyun.com", False),
    ("http://www.aliyun?.com", "http://www.aliyuncc.com", False),
    ("http://www.example.com:8080", "http://www.example.com:8080/page", True),
    ("http://www.example.com:8080", "http://www.example.com/page", False),
    ("10.10.10.10:8080", "http://10.10.10.10:8080/", False),
    ("http://help.example.com/index.html", "http://help.example.com/logo.html", False),
    ("http://*.help.example.com", "http://example.help.example.com/index.html", True),
    ("b.aliyun.com", "http://b.aliyun.com", False),
    ("http://userdomain/", "http://userdomain-steal/index.html", False),
    ("*servicewechat.com", "https://servicewechat.com/wx1234/1/page-frame.html", True),
    # (ours) the whole string is compared without regard to ASCII case
    ("http://www.Example.com/Dir", "HTTP://WWW.EXAMPLE.COM/dir", True),
    # (ours) what is not a web address is a string like any other
    ("android-app://com.example", "android-app://com.example/", True),
    # characters of regular expressions mean themselves
    ("http://a.example/(x|y)+[z]", "http://a.example/(x|y)+[z]", True),
    ("http://a.example", "http://aXexample", False),
]


@pytest.mark.parametrize(("pattern", "referer", "matches"), MATCHES)
def test_a_pattern_is_a_prefix_with_wildcards(ask, pattern, referer, matches):
    want_white = ALLOWED if matches else NOT_WHITELISTED
    want_black = BLACKLISTED if matches else ALLOWED
    assert ask(Policy(whitelist=(pattern,)), referer) == want_white
    assert ask(Policy(blacklist=(pattern,)), referer) == want_black


TRUNCATIONS = [
    # truncate query, truncate path, pattern, Referer, whether it matches
    (True, False, "http://a.example/page", "http://a.example/page?x=1", True),
    (True, False, "http://a.example/?x=1", "http://a.example/?x=1", False),
    (True, False, "*.example.com", "http://evil.net/?.example.com", False),
    (True, False, "*.example.com", "http://evil.net/#.example.com", False),
    (False, False, "*.example.com", "http://evil.net/?.example.com", True),
    (False, False, "http://e.com/?job_id=task%2401", "http://e.com/?job_id=task$01", False),
    (False, False, "http://e.com/?action=nop", "http://e.com/?ACTION=NOP", True),
    (False, False, "http://e.com/?a=b&b=c", "http://e.com/?b=c&a=b", False),
    (False, False, "http://e.com/?a=b&b=c", "http://e.com/?a=b&b=c", True),
    # (ours) a cut path leaves one slash
    (True, True, "http://a.example", "http://a.example/b/c?d", True),
    (True, True, "http://a.example/", "http://a.example/b/c?d", True),
    (True, True, "http://a.example/", "http://a.example", True),
    (True, True, "http://a.example/", "http://a.example.evil.net/", False),
    (True, True, "http://a.example/b", "http://a.example/b", False),
    (False, True, "http://a.example/", "http://a.example/?x", True),
    (True, True, "*.example.com", "http://evil.net/.example.com", False),
]


@pytest.mark.parametrize(("query", "path", "pattern", "referer", "matches"), TRUNCATIONS)
def test_truncation_decides_what_is_compared(ask, query, path, pattern, referer, matches):
    policy = Policy((pattern,), truncate_query=query, truncate_path=path)
    assert ask(policy, referer) == (ALLOWED if matches else NOT_WHITELISTED)


def test_a_changed_policy_is_in_force_at_once(ask):
    for _ in range(5):
        assert ask(Policy(WHITE), "http://other.example/") == NOT_WHITELISTED
        assert ask(Policy(), "http://other.example/") == ALLOWED
