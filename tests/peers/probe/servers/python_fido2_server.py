"""A relying party by python-fido2's Fido2Server, with the routes that the FIDO Alliance's conformance tests ask.

`default` is the server as its example makes it; `strict` verifies attestation, origins and counters too, of which the library
leaves the last two to who uses it.
"""

import json

import serving
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fido2.attestation import AttestationVerifier
from fido2.server import Fido2Server
from fido2.utils import websafe_decode
from fido2.webauthn import (
    AuthenticatorData,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
)
from serving import RP_ID, Users, refuse_unless


class Trust(AttestationVerifier):
    """Chains that end in this root. The library verifies a path of no certificates as one of the root alone, so that it is
    here that `none` and self attestation are refused."""

    def __init__(self, root):
        super().__init__()
        self.root = x509.load_pem_x509_certificate(root).public_bytes(Encoding.DER)

    def ca_lookup(self, result, _auth_data):
        return self.root if result.trust_path else None


class Server:
    def __init__(self, origin, strict, root):
        self.strict, self.users = strict, Users()
        party = PublicKeyCredentialRpEntity(id=RP_ID, name="python-fido2 as it is probed")
        wishes = {}
        if strict:
            wishes = {"attestation": "direct", "verify_origin": lambda found: found == origin}
        if strict and root:
            wishes["verify_attestation"] = Trust(root)
        self.server = Fido2Server(party, **wishes)
        self.verification = "required" if strict else None

    def routes(self):
        return {
            "POST /attestation/options": self.registration_options,
            "POST /attestation/result": self.register,
            "POST /assertion/options": self.authentication_options,
            "POST /assertion/result": self.authenticate,
            "DELETE /credentials": self.remove,
        }

    def registration_options(self, session, body):
        user = self.users.named(body.get("username"))
        account = PublicKeyCredentialUserEntity(id=user.id, name=user.name, display_name=user.name)
        known = [passkey["data"] for passkey in user.passkeys.values()]
        options, state = self.server.register_begin(account, known, user_verification=self.verification or "discouraged")
        session["registration"] = (state, user.name)
        return _ok(options)

    def register(self, session, body):
        # The example reads the state of a registration and lets it stand; that of a sign-in it takes away.
        refuse_unless("registration" in session, "no ceremony was begun")
        state, name = session.pop("registration") if self.strict else session["registration"]
        made = self.server.register_complete(state, body)
        if self.strict:
            backup = made.flags & AuthenticatorData.FLAG.BE
            refuse_unless(not backup, "the passkey can leave its device")
            refuse_unless(not self.users.owner(made.credential_data.credential_id), "the passkey is registered already")
        passkey = {"data": made.credential_data, "count": made.counter}
        self.users.named(name).passkeys[made.credential_data.credential_id] = passkey
        return _ok()

    def authentication_options(self, session, body):
        name = body.get("username")
        known = self.users.known(name) if name else None
        allowed = [passkey["data"] for passkey in known.passkeys.values()] if known else []
        if name and not allowed:
            refuse_unless(self.strict, "the user has no passkey")
            decoy = self.users.decoy(name)
            allowed = [PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=decoy)]
        options, state = self.server.authenticate_begin(allowed or None, user_verification=self.verification)
        session["authentication"] = (state, name)
        return _ok(options)

    def authenticate(self, session, body):
        refuse_unless("authentication" in session, "no ceremony was begun")
        state, name = session.pop("authentication")
        user = self.users.owner(websafe_decode(body.get("id", "")), name)
        refuse_unless(user, "the passkey is not known")
        every = [passkey["data"] for passkey in user.passkeys.values()]
        used = self.server.authenticate_complete(state, every, body)
        if self.strict:
            self._insist(user, user.passkeys[used.credential_id], name, body["response"])
        return _ok()

    def _insist(self, user, passkey, name, response):
        """What the library leaves to the relying party."""
        data = AuthenticatorData(websafe_decode(response["authenticatorData"]))
        grown = data.counter > passkey["count"] or data.counter == passkey["count"] == 0
        refuse_unless(grown, f"the counter is {data.counter}, and was {passkey['count']}")
        refuse_unless(not data.flags & AuthenticatorData.FLAG.BE, "the passkey was of another kind")
        handle = response.get("userHandle")
        refuse_unless(handle or name, "there is no user handle")
        refuse_unless(not handle or websafe_decode(handle) == user.id, "the user handle is of somebody else")
        passkey["count"] = data.counter

    def remove(self, _session, credential):
        self.users.remove(websafe_decode(credential))
        return _ok()


def _ok(options=None):
    members = json.loads(json.dumps(dict(options.public_key), default=dict)) if options else {}
    return {"status": "ok", "errorMessage": ""} | members


def _failed(why):
    return {"status": "failed", "errorMessage": why}


def main():
    told = serving.arguments()
    root = told.root.read_bytes() if told.root else None
    serving.serve(told.port, lambda origin: Server(origin, told.setting == "strict", root).routes(), _failed)


if __name__ == "__main__":
    main()
