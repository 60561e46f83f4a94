"""A relying party by py_webauthn, with the routes of its own demonstration, webauthn.io.

`default` leaves everything to the library that it has a default for; `strict` asks for all that it lets one ask for.
"""

import json

import serving
import webauthn
from serving import RP_ID, Refused, Users, refuse_unless
from webauthn.helpers import base64url_to_bytes, parse_attestation_object
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

ALGORITHMS = [COSEAlgorithmIdentifier.ECDSA_SHA_256, COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256]


class Server:
    def __init__(self, origin, strict, root):
        self.origin, self.strict, self.users = origin, strict, Users()
        self.roots = {fmt: [root] for fmt in AttestationFormat} if root else None

    def routes(self):
        return {
            "POST /registration/options": self.registration_options,
            "POST /registration/verification": self.register,
            "POST /authentication/options": self.authentication_options,
            "POST /authentication/verification": self.authenticate,
            "DELETE /credentials": self.remove,
        }

    def registration_options(self, session, body):
        user = self.users.named(body.get("username"))
        wishes = {}
        if self.strict:
            wishes = {
                "attestation": AttestationConveyancePreference.DIRECT,
                "authenticator_selection": AuthenticatorSelectionCriteria(
                    resident_key=ResidentKeyRequirement.REQUIRED,
                    user_verification=UserVerificationRequirement.REQUIRED,
                ),
                "supported_pub_key_algs": ALGORITHMS,
            }
        options = webauthn.generate_registration_options(
            rp_id=RP_ID,
            rp_name="py_webauthn as it is probed",
            user_id=user.id,
            user_name=user.name,
            exclude_credentials=[PublicKeyCredentialDescriptor(id=known) for known in user.passkeys],
            **wishes,
        )
        session["registration"] = (options.challenge, user.name)
        return json.loads(webauthn.options_to_json(options))

    def register(self, session, body):
        challenge, name = _begun(session, "registration")
        wishes = {}
        if self.strict:
            refuse_unless(body.get("username") == name, "the ceremony was begun for somebody else")
            wishes = {"require_user_verification": True, "supported_pub_key_algs": ALGORITHMS}
        verified = webauthn.verify_registration_response(
            credential=body.get("response"),
            expected_challenge=challenge,
            expected_rp_id=RP_ID,
            expected_origin=self.origin,
            pem_root_certs_bytes_by_fmt=self.roots,
            **wishes,
        )
        if self.strict:
            self._insist(verified)
        self.users.named(name).passkeys[verified.credential_id] = {
            "key": verified.credential_public_key,
            "count": verified.sign_count,
            "backup": verified.credential_device_type,
        }
        return {"verified": True}

    def _insist(self, verified):
        """What the library verifies and leaves to the relying party to want."""
        statement = parse_attestation_object(verified.attestation_object).att_stmt
        attested = statement.x5c or verified.fmt == AttestationFormat.ANDROID_SAFETYNET
        refuse_unless(attested, f"attestation by {verified.fmt} alone is not enough")
        bound = verified.credential_device_type == CredentialDeviceType.SINGLE_DEVICE
        refuse_unless(bound, "the passkey can leave its device")
        refuse_unless(not self.users.owner(verified.credential_id), "the passkey is registered already")

    def authentication_options(self, session, body):
        name = body.get("username")
        known = self.users.known(name) if name else None
        allowed = list(known.passkeys) if known else []
        if name and not allowed:
            if not self.strict:
                raise Refused("That username has no registered credentials")
            allowed = [self.users.decoy(name)]
        wishes = {"user_verification": UserVerificationRequirement.REQUIRED} if self.strict else {}
        options = webauthn.generate_authentication_options(
            rp_id=RP_ID, allow_credentials=[PublicKeyCredentialDescriptor(id=one) for one in allowed], **wishes
        )
        session["authentication"] = (options.challenge, name)
        return json.loads(webauthn.options_to_json(options))

    def authenticate(self, session, body):
        challenge, name = _begun(session, "authentication")
        response = body.get("response")
        # webauthn.io looks for the credential by what is posted with it.
        asked = name if self.strict else body.get("username")
        credential_id = base64url_to_bytes(response["id"])
        user = self.users.owner(credential_id, asked)
        refuse_unless(user, "That username has no such credential")
        passkey = user.passkeys[credential_id]
        wishes = {"require_user_verification": True} if self.strict else {}
        verified = webauthn.verify_authentication_response(
            credential=response,
            expected_challenge=challenge,
            expected_rp_id=RP_ID,
            expected_origin=self.origin,
            credential_public_key=passkey["key"],
            credential_current_sign_count=passkey["count"],
            **wishes,
        )
        if self.strict:
            handle = response["response"].get("userHandle")
            refuse_unless(handle or name, "there is no user handle")
            refuse_unless(not handle or base64url_to_bytes(handle) == user.id, "the user handle is of somebody else")
            refuse_unless(verified.credential_device_type == passkey["backup"], "the passkey was of another kind")
        passkey["count"] = verified.new_sign_count
        return {"verified": True}

    def remove(self, _session, credential):
        self.users.remove(base64url_to_bytes(credential))
        return {"deleted": True}


def _begun(session, ceremony):
    """The challenge, which is good for one answer, and whom it is for."""
    refuse_unless(ceremony in session, "no ceremony was begun")
    return session.pop(ceremony)


def main():
    told = serving.arguments()
    root = told.root.read_bytes() if told.root else None
    serving.serve(
        told.port, lambda origin: Server(origin, told.setting == "strict", root).routes(), lambda why: {"error": why}
    )


if __name__ == "__main__":
    main()
