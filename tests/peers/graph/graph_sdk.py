"""Microsoft's Graph SDK for Python at the tenant: what it reads has to fit its types, and what its types write has to
be understood."""

import asyncio
import json
import os

from kiota_abstractions.authentication import (
    AccessTokenProvider,
    AllowedHostsValidator,
    BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.authentication_method_modes import AuthenticationMethodModes
from msgraph.generated.models.authentication_method_state import AuthenticationMethodState
from msgraph.generated.models.authentication_strength_policy import AuthenticationStrengthPolicy
from msgraph.generated.models.authentication_strength_policy_type import AuthenticationStrengthPolicyType
from msgraph.generated.models.fido2_authentication_method import Fido2AuthenticationMethod
from msgraph.generated.models.fido2_authentication_method_configuration import Fido2AuthenticationMethodConfiguration
from msgraph.generated.models.fido2_combination_configuration import Fido2CombinationConfiguration
from msgraph.generated.models.fido2_key_restrictions import Fido2KeyRestrictions
from msgraph.generated.models.fido2_restriction_enforcement_type import Fido2RestrictionEnforcementType
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.passkey_type import PasskeyType
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.temporary_access_pass_authentication_method import TemporaryAccessPassAuthenticationMethod
from msgraph.generated.models.temporary_access_pass_authentication_method_configuration import (
    TemporaryAccessPassAuthenticationMethodConfiguration,
)
from msgraph.generated.models.user import User
from msgraph.generated.models.user_registration_details import UserRegistrationDetails
from msgraph_core.tasks.page_iterator import PageIterator

from tenants import ANDROID, IOS, serving

from cases import Cases, ensure, equal


class Token(AccessTokenProvider):
    """The one token that there is, sent to this tenant alone."""

    def __init__(self, token):
        self._token = token

    async def get_authorization_token(self, uri, additional_authentication_context={}):
        return self._token

    def get_allowed_hosts_validator(self):
        return AllowedHostsValidator(["localhost"])


def client_of(tenant, token):
    adapter = GraphRequestAdapter(BaseBearerTokenAuthenticationProvider(Token(token)))
    adapter.base_url = f"{tenant.url}/v1.0"
    return GraphServiceClient(request_adapter=adapter)


def get(builder, **options):
    """A collection, with query options as the SDK writes them for it."""
    named = {name: kind for name, kind in vars(type(builder)).items() if name.endswith("GetQueryParameters")}
    (parameters,) = named.values()
    return builder.get(RequestConfiguration(query_parameters=parameters(**options)))


class Story:
    """What is told, case by case."""

    def __init__(self, cases, tenant):
        self.cases, self.tenant = cases, tenant
        self.client = client_of(tenant, tenant.token)
        self.policy = self.client.policies.authentication_methods_policy.authentication_method_configurations
        self.adele = None

    def configuration(self, name):
        return self.policy.by_authentication_method_configuration_id(name)

    @property
    def methods(self):
        return self.client.users.by_user_id(self.adele.id).authentication

    async def refused(self, status, waiting):
        """The error that this ends in."""
        try:
            result = await waiting
        except ODataError as error:
            equal(error.response_status_code, status, f"status of {error.error.message}")
            return error.error
        raise AssertionError(f"it was to be refused, and gave {type(result).__name__}")

    async def people(self):
        with self.cases.case("users are made, listed and counted"):
            for name in ("Adele", "Björn", "Carlotta"):
                principal = f"{name.lower().replace('ö', 'oe')}@contoso.test"
                profile = PasswordProfile(password="correct horse battery")
                user = User(display_name=name, user_principal_name=principal, password_profile=profile)
                made = await self.client.users.post(user)
                self.adele = self.adele or made
            text = "startswith(displayName,'b') or displayName eq 'Carlotta'"
            page = await get(self.client.users, filter=text, count=True)
            equal([one.display_name for one in page.value], ["Björn", "Carlotta"], "names")
            equal(page.odata_count, 2, "count")
        with self.cases.case("its iterator follows the pages"):
            seen = []
            page = await get(self.client.users, top=1, orderby=["displayName desc"], select=["displayName"])
            iterator = PageIterator(page, self.client.request_adapter)
            await iterator.iterate(lambda user: seen.append(user.display_name) or True)
            equal(seen, ["Carlotta", "Björn", "Adele"], "names")

    async def policies(self):
        with self.cases.case("the policy is read as its type, patched by it and read again"):
            before = await self.configuration("fido2").get()
            ensure(isinstance(before, Fido2AuthenticationMethodConfiguration), type(before))
            restrictions = Fido2KeyRestrictions(
                is_enforced=True, enforcement_type=Fido2RestrictionEnforcementType.Allow, aa_guids=[IOS, ANDROID]
            )
            patch = Fido2AuthenticationMethodConfiguration(
                state=AuthenticationMethodState.Enabled,
                is_self_service_registration_allowed=True,
                is_attestation_enforced=False,
                key_restrictions=restrictions,
            )
            await self.configuration("fido2").patch(patch)
            after = await self.configuration("fido2").get()
            equal(after.key_restrictions.aa_guids, [IOS, ANDROID], "AAGUIDs")
            equal(after.key_restrictions.enforcement_type, Fido2RestrictionEnforcementType.Allow, "enforcement type")
            equal(after.state, AuthenticationMethodState.Enabled, "state")
            targets = [[one.id for one in policy.include_targets] for policy in (before, after)]
            equal(targets[1], targets[0], "targets, which were not patched")
        with self.cases.case("a patch of another method's type is refused"):
            wrong = TemporaryAccessPassAuthenticationMethodConfiguration(default_length=8)
            error = await self.refused(400, self.configuration("fido2").patch(wrong))
            ensure("@odata.type" in error.message, error.message)
            ensure(error.inner_error.request_id and error.inner_error.date, "there is neither request ID nor date")
        with self.cases.case("every method's policy is read as its own type"):
            page = await self.policy.get()
            names = {type(one).__name__ for one in page.value}
            ensure(f"{Fido2AuthenticationMethodConfiguration.__name__}" in names and len(names) >= 3, names)
        with self.cases.case("a strength is made with its AAGUIDs, and told from the built-in ones"):
            strengths = self.client.policies.authentication_strength_policies
            combination = Fido2CombinationConfiguration(
                applies_to_combinations=[AuthenticationMethodModes.Fido2], allowed_a_a_g_u_i_ds=[IOS, ANDROID]
            )
            made = await strengths.post(
                AuthenticationStrengthPolicy(
                    display_name="Passkeys",
                    allowed_combinations=[AuthenticationMethodModes.Fido2],
                    combination_configurations=[combination],
                )
            )
            equal(made.combination_configurations[0].allowed_a_a_g_u_i_ds, [IOS, ANDROID], "AAGUIDs")
            built_in = (await get(strengths, filter="policyType eq 'builtIn'")).value
            equal({one.policy_type for one in built_in}, {AuthenticationStrengthPolicyType.BuiltIn}, "policy types")
            equal(len(built_in), 3, "built-in strengths")

    async def passkeys(self):
        with self.cases.case("options are read as their type"):
            options = await self.methods.fido2_methods.creation_options.get()
            public_key = options.public_key
            equal(public_key.user.name, "adele@contoso.test", "whose it will be")
            equal([one.alg for one in public_key.pub_key_cred_params], [-7, -257], "algorithms")
            equal(public_key.authenticator_selection.user_verification, "required", "user verification")
            ensure(len(public_key.challenge) > 1000, "the challenge is short")
            ensure(options.challenge_timeout_date_time.tzinfo, "the moment has no offset")
        with self.cases.case("a passkey is provisioned and listed by filter and select"):
            self.tenant.device("phone", "ms-authenticator-ios")
            made = await self.provision("phone", "Adele's phone")
            equal(made.passkey_type, PasskeyType.DeviceBound, "type")
            options = {"filter": f"aaGuid eq '{IOS}'", "select": ["id", "model", "aaGuid"]}
            (listed,) = (await get(self.methods.fido2_methods, **options)).value
            equal((listed.id, listed.aa_guid, listed.display_name), (made.id, IOS, None), "it")
            one = await self.methods.fido2_methods.by_fido2_authentication_method_id(made.id).get()
            equal(one.display_name, "Adele's phone", "its name")
        with self.cases.case("every method is read as its own type"):
            kinds = [type(one) for one in (await self.methods.methods.get()).value]
            ensure(Fido2AuthenticationMethod in kinds, kinds)
        with self.cases.case("a model that the policy does not allow is refused in the nested shape"):
            self.tenant.device("key", "google-password-manager")
            error = await self.refused(400, self.provision("key", "A key"))
            inner = json.loads(error.message)["odata.error"]
            ensure(inner["message"]["value"] and inner["values"][0]["item"] == "subCode", inner)

    async def provision(self, device, name):
        """The SDK has no method that posts a passkey: its adapter does, by its types."""
        options = RequestInformation(Method.GET, "{+baseurl}/users/{id}/authentication/fido2Methods/creationOptions")
        post = RequestInformation(Method.POST, "{+baseurl}/users/{id}/authentication/fido2Methods")
        for request in (options, post):
            request.path_parameters = {"baseurl": f"{self.tenant.url}/v1.0", "id": self.adele.id}
        adapter, errors = self.client.request_adapter, {"XXX": ODataError}
        raw = await adapter.send_primitive_async(options, "bytes", errors)
        body = json.dumps(self.tenant.made(json.loads(raw), device, name))
        post.set_stream_content(body.encode(), "application/json")
        post.headers.try_add("Accept", "application/json")
        return await adapter.send_async(post, Fido2AuthenticationMethod, errors)

    async def passes(self):
        with self.cases.case("a pass is told once"):
            policy = TemporaryAccessPassAuthenticationMethodConfiguration(state=AuthenticationMethodState.Enabled)
            await self.configuration("temporaryAccessPass").patch(policy)
            methods = self.methods.temporary_access_pass_methods
            wanted = TemporaryAccessPassAuthenticationMethod(lifetime_in_minutes=60, is_usable_once=True)
            made = await methods.post(wanted)
            ensure(len(made.temporary_access_pass) >= 8, "it is too short")
            equal((made.is_usable, made.lifetime_in_minutes), (True, 60), "it")
            (listed,) = (await get(methods, filter="methodUsabilityReason eq 'EnabledByPolicy'")).value
            equal((listed.id, listed.temporary_access_pass), (made.id, None), "what is told later")

    async def looking_back(self):
        with self.cases.case("who signed in is found in the log"):
            equal(self.tenant.signs_in("phone").get("verdict"), "granted", "what the page was told")
            text = f"userId eq '{self.adele.id}' and status/errorCode eq 0"
            (found,) = (await get(self.client.audit_logs.sign_ins, filter=text)).value
            equal((found.status.error_code, found.user_principal_name), (0, "adele@contoso.test"), "it")
            ensure(found.created_date_time.tzinfo, "the moment has no offset")
            none = await get(self.client.audit_logs.sign_ins, filter="status/errorCode ne 0")
            equal(none.value, [], "failures")
        with self.cases.case("who has which method is found in the report"):
            text = "methodsRegistered/any(x:x eq 'passKeyDeviceBoundAuthenticator')"
            details = self.client.reports.authentication_methods.user_registration_details
            (found,) = (await get(details, filter=text)).value
            ensure(isinstance(found, UserRegistrationDetails), type(found))
            equal((found.is_mfa_capable, found.is_passwordless_capable), (True, True), "what she can do")
            # With arguments the SDK forgets the comma between them (std-uritemplate 2.0.12): without any it means all.
            by_method = self.client.reports.authentication_methods.users_registered_by_method
            counts = (await by_method.get()).user_registration_method_counts
            found = {one.authentication_method: one.user_count for one in counts}
            equal(found["passKeyDeviceBoundAuthenticator"], 1, "how many have one")
        with self.cases.case("that a passkey came is in the audit log"):
            text = "startswith(activityDisplayName,'Add Passkey')"
            (found,) = (await get(self.client.audit_logs.directory_audits, filter=text)).value
            details = {one.key: one.value for one in found.additional_details}
            equal(details["AAGuid"], IOS, "AAGUID")

    async def refusals(self):
        with self.cases.case("a filter that is none is refused with its place"):
            error = await self.refused(400, get(self.client.users, filter="displayName = 'x'"))
            ensure("$filter at character 13" in error.message, error.message)
        with self.cases.case("what there is not is not found"):
            error = await self.refused(404, self.client.users.by_user_id("nobody@contoso.test").get())
            ensure(error.code, "there is no code")
        with self.cases.case("another token is refused"):
            error = await self.refused(401, client_of(self.tenant, "another").users.get())
            equal(error.code, "InvalidAuthenticationToken", "code")

    async def tell(self):
        await self.people()
        await self.policies()
        await self.passkeys()
        await self.passes()
        await self.looking_back()
        await self.refusals()


def main():
    os.environ["NO_PROXY"] = "localhost"
    cases = Cases()
    with cases.group("graph-sdk"), serving() as tenant:
        asyncio.run(Story(cases, tenant).tell())
    cases.exit()


if __name__ == "__main__":
    main()
