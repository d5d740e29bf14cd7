"""The provider program of the tests, whose answers can be spoiled on their way: what it says is its own
until a test changes it, and it is signed anew with its own key or a stranger's."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flask
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from oidc_provider_mock import _app, _server
from oidc_provider_mock._storage import User, storage

Claims = dict[str, Any]
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Crooked:
    """`spoil` changes the claims; `sign` makes the token of them; `document` and `userinfo` what is read."""

    def __init__(self) -> None:
        self.address = ""
        self.straighten()

    def straighten(self) -> None:
        self.spoil: Callable[[Claims], object] = lambda claims: None
        self.sign = own_key
        self.document: Claims = {}
        self.userinfo: Claims = {}

    def change(self, response: flask.Response) -> flask.Response:
        path = flask.request.path
        if response.status_code != 200 or not response.is_json:
            return response
        data = response.get_json()
        if path == "/.well-known/openid-configuration":
            data |= self.document
        elif path == "/userinfo":
            data |= self.userinfo
        elif path == "/oauth2/token" and "id_token" in data:
            claims = jwt.decode(data["id_token"], options={"verify_signature": False})
            self.spoil(claims)
            data["id_token"] = self.sign(claims)
        response.set_data(json.dumps(data))
        return response


def own_key(claims: Claims) -> str:
    pem = storage.jwk.as_pem(is_private=True)
    return jwt.encode(claims, pem, "RS256", headers={"kid": storage.jwk.thumbprint()})


def strangers_key(claims: Claims) -> str:
    return jwt.encode(claims, STRANGER, "RS256", headers={"kid": storage.jwk.thumbprint()})


def no_key(claims: Claims) -> str:
    return jwt.encode(claims, None, "none", headers={"kid": storage.jwk.thumbprint()})


def public_key_as_secret(claims: Claims) -> str:
    """What is published used as if it were a shared secret: PyJWT refuses to sign so, by hand it goes."""
    import base64
    import hashlib
    import hmac

    public = storage.jwk.as_pem(is_private=False)
    header = {"alg": "HS256", "typ": "JWT", "kid": storage.jwk.thumbprint()}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in (header, claims)
    ]
    body = b".".join(parts)
    signature = hmac.new(public, body, hashlib.sha256).digest()
    return (body + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@contextmanager
def running(people: list[dict]) -> Iterator[Crooked]:
    one = Crooked()
    users = [
        User(sub=person["sub"], claims={k: v for k, v in person.items() if k != "sub"})
        for person in people
    ]
    app = _app.app(user_claims=users)
    app.debug = False
    app.after_request(one.change)
    with _server._threaded_server(app, host="127.0.0.1") as server:
        one.address = f"http://127.0.0.1:{server.server_port}"
        yield one


def now() -> int:
    return int(time.time())
