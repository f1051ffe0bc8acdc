"""AWS signatures, the server's side: what a request claims, and whether the claim holds.

Covered: Signature V4 in the header and in presigned URLs, V2 in presigned S3 URLs (boto3's default in eight regions), both
in the policy of a form upload.
Pure computing: no store, no protocol. Source: AWS's documentation of Signature V4; botocore is the tests' oracle.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import quote, unquote

from clary.gateway.http import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
_SECONDS = re.compile("[0-9]{1,12}")
_REGION = re.compile("[a-z0-9-]{1,64}")  # it becomes part of ARNs
EMPTY = hashlib.sha256(b"").hexdigest()
_SUBRESOURCES = frozenset(
    "accelerate acl cors defaultObjectAcl location logging partNumber policy requestPayment torrent versioning"
    " versionId versions website uploads uploadId response-content-type response-content-language response-expires"
    " response-cache-control response-content-disposition response-content-encoding delete lifecycle tagging restore"
    " storageClass notification replication analytics metrics inventory select select-type object-lock".split()
)


class SignatureProblem(Exception):
    """A claim that does not hold. ``reason`` is one of the words that ``authentication`` has a text for."""

    def __init__(self, reason: str, detail: str = "", **members: str) -> None:
        super().__init__(detail or reason)
        self.reason, self.detail, self.members = reason, detail, members


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a request says of its signature. ``version`` 4 or 2; ``expires`` in seconds, for presigned URLs.

    ``policy``: of a form upload, in base64; it is what was signed there.
    """

    version: int
    access_key: str
    signature: str
    presigned: bool
    date: str = ""
    region: str = "us-east-1"
    service: str = ""
    time: str = ""
    signed_headers: tuple[str, ...] = ()
    token: str = ""
    expires: int | None = None
    policy: str = ""

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def query_pairs(query: str) -> list[tuple[str, str]]:
    """The decoded pairs of a raw query string; ``+`` is a plus, as signatures want it."""
    pairs = (item.partition("=") for item in query.split("&") if item)
    return [(unquote(key), unquote(value)) for key, _, value in pairs]


def read_claim(request: HttpRequest) -> Claim | None:
    """What the request claims; None if it claims nothing. ``SignatureProblem`` if it cannot be read."""
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(ALGORITHM):
        return _header_claim(request, authorization)
    if authorization:
        raise SignatureProblem("malformed", "Unsupported Authorization Type")
    query = dict(query_pairs(request.query))
    if "X-Amz-Algorithm" in query or "X-Amz-Signature" in query:
        return _presigned_claim(query)
    if {"AWSAccessKeyId", "Signature", "Expires"} <= query.keys():
        expires = query["Expires"]
        if not _SECONDS.fullmatch(expires):
            raise SignatureProblem("malformed", f"Expires is {expires!r}; it takes seconds since 1970")
        return Claim(
            version=2,
            access_key=query["AWSAccessKeyId"],
            signature=query["Signature"],
            presigned=True,
            service="s3",
            expires=int(expires),
            token=query.get("x-amz-security-token", ""),
        )
    return None


def verify(claim: Claim, request: HttpRequest, secret: str, now: datetime, resource: str = "") -> None:
    """Check signature and time of a claim; ``SignatureProblem`` if either is off.

    ``resource`` is the raw path with the bucket in it, which V2 signs. The payload enters by its declared hash; that
    the bytes have this hash is checked where they are read.
    """
    if claim.policy:
        _verify_policy(claim, secret)
        return
    if claim.version == 2:
        _verify_v2(claim, request, secret, now, resource or request.path)
        return
    canonical = canonical_request(claim, request)
    to_sign = f"{ALGORITHM}\n{claim.time}\n{claim.scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    expected = hmac.new(signing_key(secret, claim), to_sign.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise SignatureProblem(
            "mismatch",
            AWSAccessKeyId=claim.access_key,
            StringToSign=to_sign,
            SignatureProvided=claim.signature,
            StringToSignBytes=to_sign.encode().hex(" "),
            CanonicalRequest=canonical,
            CanonicalRequestBytes=canonical.encode().hex(" "),
        )
    _check_time(claim, now)


def canonical_request(claim: Claim, request: HttpRequest) -> str:
    path = request.path if claim.service == "s3" else quote(_normal_path(request.path), safe="/-_.~")
    pairs = [(k, v) for k, v in query_pairs(request.query) if k != "X-Amz-Signature"]
    query = "&".join(sorted(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs))
    headers = "".join(f"{name}:{_header(request, name)}\n" for name in claim.signed_headers)
    return "\n".join(
        [request.method, path, query, headers, ";".join(claim.signed_headers), payload_hash(claim, request)]
    )


def payload_hash(claim: Claim, request: HttpRequest) -> str:
    """The hash that the signature covers: as declared, else of the body."""
    declared = request.headers.get("x-amz-content-sha256")
    if declared:
        return declared
    if claim.presigned and claim.service == "s3":
        return UNSIGNED
    return hashlib.sha256(request.body if request.packed is None else request.packed).hexdigest()


def signing_key(secret: str, claim: Claim) -> bytes:
    return _signing_key(secret, claim.date, claim.region, claim.service)


@lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _header_claim(request: HttpRequest, authorization: str) -> Claim:
    parts = dict(re.findall(r"(Credential|SignedHeaders|Signature)=([^,\s]+)", authorization))
    missing = {"Credential", "SignedHeaders", "Signature"} - parts.keys()
    if missing:
        raise SignatureProblem(
            "malformed",
            " ".join(f"Authorization header requires '{name}' parameter." for name in sorted(missing)),
        )
    time = request.headers.get("x-amz-date", "")
    if not time:
        raise SignatureProblem(
            "malformed", "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    access_key, date, region, service = credential(parts["Credential"])
    signed = tuple(parts["SignedHeaders"].lower().split(";"))
    covered = set(signed)
    unsigned = [n for n in request.headers if n.startswith("x-amz-") and n not in covered]
    if "host" not in covered or unsigned:
        raise SignatureProblem("headers-not-signed", ", ".join(unsigned or ["host"]))
    return Claim(
        version=4,
        access_key=access_key,
        signature=parts["Signature"],
        presigned=False,
        date=date,
        region=region,
        service=service,
        time=time,
        signed_headers=signed,
        token=request.headers.get("x-amz-security-token", ""),
    )


def _presigned_claim(query: dict[str, str]) -> Claim:
    names = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders"]
    if not {*names, "X-Amz-Expires"} <= query.keys() or query["X-Amz-Algorithm"] != ALGORITHM:
        raise SignatureProblem(
            "query-parameters",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        )
    expires = query["X-Amz-Expires"]
    if not _SECONDS.fullmatch(expires) or not 1 <= int(expires) <= 604800:
        raise SignatureProblem("query-parameters", "X-Amz-Expires must be between 1 and 604800 seconds")
    access_key, date, region, service = credential(query["X-Amz-Credential"])
    return Claim(
        version=4,
        access_key=access_key,
        signature=query["X-Amz-Signature"],
        presigned=True,
        date=date,
        region=region,
        service=service,
        time=query["X-Amz-Date"],
        signed_headers=tuple(query["X-Amz-SignedHeaders"].lower().split(";")),
        token=query.get("X-Amz-Security-Token", ""),
        expires=int(expires),
    )


def credential(text: str) -> tuple[str, str, str, str]:
    """The access key, date, region and service of a scope; ``SignatureProblem`` if it is none."""
    parts = text.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise SignatureProblem("malformed", f"Credential must have exactly 5 slash-delimited elements, got {text!r}")
    if not _REGION.fullmatch(parts[2]):
        raise SignatureProblem("malformed", "Credential should be scoped to a valid region.")
    return parts[0], parts[1], parts[2], parts[3]


def _header(request: HttpRequest, name: str) -> str:
    return ",".join(" ".join(value.split()) for value in request.headers.getlist(name))


def _normal_path(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[-1:] = []
        elif segment not in {"", "."}:
            kept.append(segment)
    slash = "/" if kept and path.endswith("/") else ""
    return "/" + "/".join(kept) + slash


def _check_time(claim: Claim, now: datetime) -> None:
    try:
        signed = datetime.strptime(claim.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        ends = signed + timedelta(seconds=claim.expires or 0)
    except (ValueError, OverflowError):  # OverflowError: the year 9999
        raise SignatureProblem(
            "malformed", f"X-Amz-Date is {claim.time!r}; it must be in ISO 8601 basic form"
        ) from None
    if not claim.time.startswith(claim.date):
        raise SignatureProblem(
            "malformed", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date"
        )
    if claim.presigned:
        if now > ends:
            raise SignatureProblem(
                "presigned-expired",
                **{"X-Amz-Expires": str(claim.expires), "Expires": _iso(ends), "ServerTime": _iso(now)},
            )
        if signed > now + timedelta(minutes=15):
            raise SignatureProblem("skewed", f"{claim.time} is later than {_basic(now)} + 15 min.")
        return
    allowed = 15 if claim.service in {"s3", "sts"} else 5
    low, high = now - timedelta(minutes=allowed), now + timedelta(minutes=allowed)
    if signed < low:
        raise SignatureProblem(
            "skewed",
            f"Signature expired: {claim.time} is now earlier than {_basic(low)} ({_basic(now)} - {allowed} min.)",
        )
    if signed > high:
        raise SignatureProblem(
            "skewed",
            f"Signature not yet current: {claim.time} is still later than {_basic(high)}"
            f" ({_basic(now)} + {allowed} min.)",
        )


def _verify_v2(claim: Claim, request: HttpRequest, secret: str, now: datetime, path: str) -> None:
    pairs = query_pairs(request.query)
    given = {k.lower(): v for k, v in pairs}
    # What was chosen at signing travels as query parameters and counts as headers.
    amz = {k: v for k, v in given.items() if k.startswith("x-amz-") and k != "x-amz-signature"}
    amz |= {k: _header(request, k) for k in request.headers if k.startswith("x-amz-")}
    content_type = given.get("content-type", request.headers.get("content-type", ""))
    md5 = given.get("content-md5", request.headers.get("content-md5", ""))
    lines = "".join(f"{k}:{v}\n" for k, v in sorted(amz.items()))
    selected = sorted((k, v) for k, v in pairs if k in _SUBRESOURCES)
    if path.count("/") == 1 and path != "/":
        path += "/"  # a bucket is signed with a slash behind it and asked for without
    resource = path + ("?" + "&".join(f"{k}={v}" if v else k for k, v in selected) if selected else "")
    to_sign = f"{request.method}\n{md5}\n{content_type}\n{claim.expires}\n{lines}{resource}"
    expected = base64.b64encode(hmac.new(secret.encode(), to_sign.encode(), hashlib.sha1).digest())
    if not hmac.compare_digest(expected, claim.signature.encode()):
        raise SignatureProblem(
            "mismatch", AWSAccessKeyId=claim.access_key, StringToSign=to_sign, SignatureProvided=claim.signature
        )
    if now.timestamp() > (claim.expires or 0):
        ends = datetime.fromtimestamp(claim.expires or 0, UTC)
        raise SignatureProblem("presigned-expired", Expires=_iso(ends), ServerTime=_iso(now))


def _verify_policy(claim: Claim, secret: str) -> None:
    if claim.version == 4:
        expected = hmac.new(signing_key(secret, claim), claim.policy.encode(), hashlib.sha256).hexdigest()
    else:
        expected = base64.b64encode(hmac.new(secret.encode(), claim.policy.encode(), hashlib.sha1).digest()).decode()
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise SignatureProblem(
            "mismatch",
            AWSAccessKeyId=claim.access_key,
            StringToSign=claim.policy,
            SignatureProvided=claim.signature,
        )


def _basic(time: datetime) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ")


def _iso(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
