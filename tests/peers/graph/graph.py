"""Microsoft's JavaScript client of Graph, and two of OData that know nothing of Graph, at the tenant: o.js, and
python-odata, which makes its classes of $metadata. What filters say is compared with what SQLite says, by way of
odata-query, a parser of OData that is not ours either."""

import json
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as xml

import requests
from odata import ODataService
from odata_query.grammar import ODataLexer, ODataParser
from odata_query.sql import AstToSqliteSqlVisitor

from tenants import ANDROID, FIDO2, IOS, PATIENCE, serving

from cases import Cases, ensure, equal

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(os.environ["FAUXKEY_PEERS"], "graph")
"""Where the clients are installed."""
SEED, FILTERS = 6, 400
CONFIGURATION = "#microsoft.graph.fido2AuthenticationMethodConfiguration"


class Refused(Exception):
    """What a client makes of an answer that is an error."""

    def __init__(self, status, code, message, request_id, body):
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.request_id, self.body = status, code, message, request_id, body


class Clients:
    """The two clients in a process of Node."""

    def __init__(self, tenant):
        environment = os.environ | {"TENANT": tenant.url, "TENANT_TOKEN": tenant.token, "NO_PROXY": "localhost"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._node = subprocess.Popen(["node", "bridge.mjs"], cwd=FOLDER, env=environment, **pipes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._node.stdin.close()
        self._node.wait(PATIENCE)

    def ask(self, client, method, path, body=None, version="v1.0", mine=None, **query):
        request = {"client": client, "method": method, "path": path, "version": version, "query": query}
        request |= {"body": body} if body is not None else {}
        request |= {"mine": mine} if mine is not None else {}
        self._node.stdin.write(json.dumps(request) + "\n")
        self._node.stdin.flush()
        answer = json.loads(self._node.stdout.readline())
        if "error" in answer:
            error = answer["error"]
            known = (error.get(name) for name in ("statusCode", "code", "message", "requestId", "body"))
            raise Refused(*known)
        return answer["value"]

    def get(self, path, **more):
        return self.ask("graph", "get", path, **more)

    def post(self, path, body, **more):
        return self.ask("graph", "post", path, body, **more)

    def patch(self, path, body, **more):
        return self.ask("graph", "patch", path, body, **more)

    def refused(self, status, *how, **more):
        """The error that this request ends in."""
        try:
            result = self.ask(*how, **more)
        except Refused as error:
            equal(error.status, status, f"status of {error}")
            return error
        raise AssertionError(f"it was to be refused, and gave {result!r}")


def install():
    shutil.copytree(HERE, FOLDER, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__", "*.txt"))
    install = ["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(install, cwd=FOLDER, check=True, stdin=subprocess.DEVNULL)


def people(cases, clients):
    """Users: made, found, counted, paged, deleted."""
    made = {}
    with cases.case("users are made and read back"):
        for name in ("adele", "björn", "carlotta", "dmitri o'neil"):
            principal = f"{name.split()[0].replace('ö', 'oe')}@contoso.test"
            body = {"userPrincipalName": principal, "displayName": name, "accountEnabled": True}
            made[name] = clients.post("/users", body | {"passwordProfile": {"password": "correct horse battery"}})
            equal(clients.get(f"/users/{principal}")["id"], made[name]["id"], "ID by name")
    with cases.case("a list is filtered, cut to properties, ordered and counted"):
        page = clients.get(
            "/users",
            filter="startsWith(userPrincipalName,'a') or displayName eq 'dmitri o''neil'",
            select=["displayName"],
            orderby="displayName desc",
            count=True,
        )
        equal([one["displayName"] for one in page["value"]], ["dmitri o'neil", "adele"], "names")
        properties = {name for one in page["value"] for name in one if not name.startswith("@")}
        equal(properties, {"displayName"}, "properties")
        equal(page["@odata.count"], 2, "count")
        ensure(page["@odata.context"].startswith("https://graph.microsoft.com/v1.0/$metadata#users"), page)
    with cases.case("pages lead from one to the next"):
        seen, path = [], "/users?$top=3&$orderby=displayName"
        while path:
            page = clients.get(path)
            seen += [one["displayName"] for one in page["value"]]
            # The client takes whole addresses with TLS only.
            path = "/" + page["@odata.nextLink"].split("/v1.0/")[1] if "@odata.nextLink" in page else None
        equal(seen, sorted(made), "names")
    with cases.case("the client without Graph finds the same"):
        page = clients.ask("odata", "get", "users", filter="contains(displayName,'ö')", count=True)
        equal([one["id"] for one in page["value"]], [made["björn"]["id"]], "IDs")
        equal(page["@odata.count"], 1, "count")
        one = clients.ask("odata", "get", f"users('{made['adele']['id']}')", select="userPrincipalName")
        equal(one["userPrincipalName"], "adele@contoso.test", "by its key in parentheses")
    return made["adele"]


def policy(cases, clients):
    """The passkey policy."""
    with cases.case("the policy is read, patched and read again"):
        before = clients.get(f"/{FIDO2}")
        equal((before["@odata.type"], before["id"]), (CONFIGURATION, "Fido2"), "type and ID")
        restrictions = {"isEnforced": True, "enforcementType": "allow", "aaGuids": [IOS, ANDROID]}
        body = {"@odata.type": CONFIGURATION, "state": "enabled", "keyRestrictions": restrictions}
        body |= {"isSelfServiceRegistrationAllowed": True, "isAttestationEnforced": False}
        body |= {"includeTargets": [{"targetType": "group", "id": "all_users"}]}
        equal(clients.patch(f"/{FIDO2}", body), None, "what a PATCH answers")
        after = clients.get(f"/{FIDO2}", version="beta")
        equal(after["keyRestrictions"], restrictions, "key restrictions")
        equal(after["state"], "enabled", "state")
    with cases.case("a PATCH without its type is refused, and changes nothing"):
        error = clients.refused(400, "graph", "patch", f"/{FIDO2}", {"state": "disabled"})
        ensure("@odata.type" in error.message, error.message)
        ensure(error.request_id, "there is no request ID")
        equal(clients.get(f"/{FIDO2}", select=["state"])["state"], "enabled", "state")
    with cases.case("built-in strengths are told from others by a filter"):
        own = {"displayName": "Passkeys", "allowedCombinations": ["fido2"]}
        made = clients.post("/policies/authenticationStrengthPolicies", own)
        path = "/policies/authenticationStrengthPolicies"
        built_in = clients.get(path, filter="policyType eq 'builtIn'", select=["id", "displayName"])["value"]
        equal([one["id"][-1] for one in built_in], ["2", "3", "4"], "the last digits of the built-in strengths")
        typed = "policyType eq microsoft.graph.authenticationStrengthPolicyType'custom'"
        custom = clients.get(path, filter=typed)["value"]
        equal([one["id"] for one in custom], [made["id"]], "those of one's own")


def passkeys(cases, clients, tenant, adele):
    """Passkeys of a user, made for her by a program."""
    path = f"/users/{adele['id']}/authentication/fido2Methods"
    with cases.case("a passkey is provisioned"):
        tenant.device("phone", "ms-authenticator-ios")
        options = clients.get(f"{path}/creationOptions")
        equal(options["publicKey"]["user"]["name"], "adele@contoso.test", "whose it will be")
        equal(options["publicKey"]["attestation"], "direct", "attestation")
        body = tenant.made(options, "phone", "Adele's phone")
        made = clients.post(path, body)
        equal((made["aaGuid"], made["passkeyType"], made["displayName"]), (IOS, "deviceBound", "Adele's phone"), "it")
    with cases.case("options of beta last as long as asked for, in either way"):
        for asked in (f"{path}/creationOptions(challengeTimeoutInMinutes=43200)",
                      f"{path}/creationOptions?challengeTimeoutInMinutes=43200"):
            until = clients.get(asked, version="beta")["challengeTimeoutDateTime"]
            ensure(until > clients.get(f"{path}/creationOptions")["challengeTimeoutDateTime"], until)
    with cases.case("methods are listed by a filter, with some of their properties"):
        found = clients.get(path, filter=f"aaGuid eq '{IOS}' and passkeyType eq 'deviceBound'", select=["id", "model"])
        equal([set(one) for one in found["value"]], [{"id", "model"}], "properties")
        equal(found["value"][0]["id"], made["id"], "ID")
        equal(clients.get(path, filter=f"aaGuid eq '{ANDROID}'")["value"], [], "of another model")
        equal(clients.get(f"{path}/{made['id']}")["displayName"], "Adele's phone", "by its ID")
    with cases.case("a model that the policy does not allow is refused in the nested shape"):
        tenant.device("key", "google-password-manager")
        body = tenant.made(clients.get(f"{path}/creationOptions"), "key", "A key")
        error = clients.refused(400, "graph", "post", path, body)
        inner = json.loads(error.message)["odata.error"]
        (sub_code,) = (one["value"] for one in inner["values"] if one["item"] == "subCode")
        ensure(sub_code.startswith(("sim_", "error_")), sub_code)
        ensure(inner["message"]["value"], "there is no message")
    with cases.case("a passkey that is not one is refused in the nested shape"):
        nonsense = {"displayName": "x", "publicKeyCredential": {"id": "AA", "response": {}}}
        error = clients.refused(400, "graph", "post", path, nonsense)
        ensure("odata.error" in json.loads(error.message), error.message)


def passes(cases, clients, adele):
    """A Temporary Access Pass."""
    path = f"/users/{adele['id']}/authentication/temporaryAccessPassMethods"
    with cases.case("a pass is told once"):
        of_passes = "#microsoft.graph.temporaryAccessPassAuthenticationMethodConfiguration"
        patch = {"@odata.type": of_passes, "state": "enabled"}
        clients.patch(f"/{FIDO2.replace('fido2', 'temporaryAccessPass')}", patch)
        made = clients.post(path, {"lifetimeInMinutes": 60, "isUsableOnce": True})
        equal((made["lifetimeInMinutes"], made["isUsableOnce"], made["isUsable"]), (60, True, True), "it")
        ensure(len(made["temporaryAccessPass"]) >= 8, "it is too short")
        (listed,) = clients.get(path, filter="methodUsabilityReason eq 'EnabledByPolicy'")["value"]
        equal(listed["temporaryAccessPass"], None, "what is told later")
    with cases.case("a pass that lasts too long is refused"):
        error = clients.refused(400, "graph", "post", path, {"lifetimeInMinutes": 43201})
        ensure(error.code and "lifetime" in error.message.lower(), str(error))


def looking_back(cases, clients, tenant, adele):
    """Logs and reports."""
    with cases.case("who signed in by a passkey is found in the log"):
        equal(tenant.signs_in("phone").get("verdict"), "granted", "what the page was told")
        path = "/auditLogs/signIns"
        lambda_ = "authenticationDetails/any(d:startswith(d/authenticationMethod,'Passkey') and d/succeeded eq true)"
        filter_ = f"userId eq '{adele['id']}' and status/errorCode eq 0 and {lambda_}"
        (found,) = clients.get(path, version="beta", filter=filter_)["value"]
        equal(found["userPrincipalName"], "adele@contoso.test", "who")
        day = found["createdDateTime"][:10]
        counts = {"status/errorCode ne 0": 0, f"createdDateTime ge {day}": 1, f"createdDateTime lt {day}": 0}
        for text, count in counts.items():
            equal(clients.get(path, filter=text, count=True, top=5)["@odata.count"], count, text)
    with cases.case("who has which method is found in the report"):
        path = "/reports/authenticationMethods/userRegistrationDetails"
        by_method = "methodsRegistered/any(x:x eq 'passKeyDeviceBoundAuthenticator')"
        options = {"filter": f"{by_method} and isMfaCapable eq true", "select": ["userPrincipalName"]}
        (found,) = clients.get(path, **options)["value"]
        equal(found["userPrincipalName"], "adele@contoso.test", "who has one")
        others = clients.get(path, filter=f"not {by_method}", count=True)
        equal(others["@odata.count"], 3, "who has none")
        equal(clients.get(f"{path}/{adele['id']}")["isPasswordlessCapable"], True, "passwordless")
    with cases.case("how many have which method is counted"):
        function = "usersRegisteredByMethod(includedUserTypes='member',includedUserRoles='all')"
        counts = clients.get(f"/reports/authenticationMethods/{function}")["userRegistrationMethodCounts"]
        found = {one["authenticationMethod"]: one["userCount"] for one in counts}
        equal((found["passKeyDeviceBoundAuthenticator"], found["passKeySynced"]), (1, 0), "passkeys")
    with cases.case("that a passkey came is in the audit log"):
        filter_ = "startswith(activityDisplayName,'Add Passkey') and targetResources/any(t:t/type eq 'User')"
        found = clients.get("/auditLogs/directoryAudits", filter=filter_)["value"]
        equal([one["category"] for one in found], ["UserManagement"], "category")


def refusals(cases, clients):
    """What makes no sense is told with its place."""
    with cases.case("a filter that is none is refused with its place"):
        for client, path in (("graph", "/users"), ("odata", "users")):
            error = clients.refused(400, client, "get", path, filter="displayName = 'x'")
            ensure("$filter at character 13" in error.message, error.message)
    with cases.case("a property that there is not, and a value of another kind, are refused"):
        path = "/reports/authenticationMethods/userRegistrationDetails"
        error = clients.refused(400, "graph", "get", path, filter="methodRegistered/any(x:x eq 'sms')")
        ensure("methodRegistered" in error.message and "methodsRegistered" in error.body, f"{error} {error.body}")
        error = clients.refused(400, "graph", "get", path, filter="isMfaCapable eq 'true'")
        ensure("isMfaCapable is true or false" in error.message, error.message)
    with cases.case("an option that there is not is refused"):
        error = clients.refused(400, "odata", "get", "users", expand="manager")
        ensure("$expand" in error.message, error.message)
    with cases.case("another token is refused"):
        error = clients.refused(401, "graph", "get", "/users", mine="another")
        equal(error.code, "InvalidAuthenticationToken", "code")
    with cases.case("what there is not is not found"):
        clients.refused(404, "graph", "get", "/users/nobody@contoso.test")
        clients.refused(404, "odata", "get", "drives")


def described(cases, tenant, clients, adele):
    """What $metadata declares."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {tenant.token}"
    session.trust_env = False
    root = f"{tenant.url}/v1.0/"
    with cases.case("a client that is made of $metadata finds users by it"):
        service = ODataService(root, session=session, reflect_entities=True, quiet_progress=True)
        users = service.entities["users"]
        query = service.query(users).filter(users.displayName.startswith("ad")).order_by(users.displayName.asc())
        (found,) = list(query)
        equal((found.id, found.accountEnabled), (adele["id"], True), "who")
        ensure(found.createdDateTime.tzinfo, "the moment has no offset")
    with cases.case("what $metadata declares is there"):
        edm = "{http://docs.oasis-open.org/odata/ns/edm}"
        schema = xml.fromstring(session.get(f"{root}$metadata").content)
        types = {one.get("Name"): one for one in schema.iter(f"{edm}EntityType")}

        def declared(name):
            one = types[name.removeprefix("microsoft.graph.")]
            mine = {each.get("Name") for each in one.findall(f"{edm}Property")}
            return mine | (declared(one.get("BaseType")) if one.get("BaseType") else set())

        of_adele = f"/users/{adele['id']}/authentication"
        for path, name in (
            ("/users", "user"),
            ("/organization", "organization"),
            (f"{of_adele}/fido2Methods", "fido2AuthenticationMethod"),
            (f"{of_adele}/temporaryAccessPassMethods", "temporaryAccessPassAuthenticationMethod"),
            (FIDO2.removesuffix("/fido2"), "authenticationMethodConfiguration"),
            ("/policies/authenticationStrengthPolicies", "authenticationStrengthPolicy"),
            ("/auditLogs/signIns", "signIn"),
            ("/auditLogs/directoryAudits", "directoryAudit"),
            ("/reports/authenticationMethods/userRegistrationDetails", "userRegistrationDetails"),
        ):
            documents = clients.get(path)["value"]
            ensure(documents, f"there is nothing at {path}")
            equal([declared(name) - set(one) for one in documents], [set()] * len(documents), f"missing at {path}")


# With its quote doubled, as OData and SQL have it.
NAMES = ("ada", "bob", "c", "o''hara", "zoe")
COLUMNS = ("displayName", "userPrincipalName", "userType", "accountEnabled")


def condition(dice, deep=0):
    """A filter on users, by dice."""
    roll = dice.random()
    if deep < 3 and roll < 0.5:
        parts = [condition(dice, deep + 1) for _ in range(dice.randint(2, 3))]
        joined = dice.choice((" and ", " or ")).join(f"({part})" if dice.random() < 0.8 else part for part in parts)
        return f"not ({joined})" if dice.random() < 0.3 else joined
    text = dice.choice(("displayName", "userPrincipalName", "tolower(displayName)"))
    if roll < 0.6:
        return dice.choice(("accountEnabled eq true", "accountEnabled ne true", "userType eq 'Guest'"))
    if roll < 0.75:
        function = dice.choice(("startswith", "endswith", "contains"))
        return f"{function}({text},'{dice.choice(('a', 'e', 'da', 'x', 'test'))}')"
    if roll < 0.85:
        return f"displayName in ('ada', 'eve','{dice.choice(NAMES)}')"
    return f"{text} {dice.choice(('eq', 'ne', 'gt', 'ge', 'lt', 'le'))} '{dice.choice(NAMES)}'"


def beside_sqlite(cases, clients):
    """The same filters, here and there."""
    # It wonders of what type each property is.
    logging.getLogger("odata_query").setLevel(logging.ERROR)
    with cases.case(f"{FILTERS} filters find what SQLite finds"):
        kinds = {"ada": "Member", "bob": "Guest", "eve": "Member", "o'hara": "Guest", "zoe": "Member"}
        for name, kind in kinds.items():
            principal = f"{name.replace(chr(39), '')}@contoso.test"
            clients.post("/users", {"userPrincipalName": principal, "displayName": name, "userType": kind})
        everybody = clients.get("/users", top=999)["value"]
        database = sqlite3.connect(":memory:")
        database.execute(f"create table users (id, {', '.join(COLUMNS)})")
        rows = [(one["id"], *(one[column] for column in COLUMNS)) for one in everybody]
        database.executemany(f"insert into users values (?{', ?' * len(COLUMNS)})", rows)
        dice, sizes = random.Random(SEED), set()
        for _ in range(FILTERS):
            text = condition(dice)
            sql = AstToSqliteSqlVisitor().visit(ODataParser().parse(ODataLexer().tokenize(text)))
            expected = {row[0] for row in database.execute(f"select id from users where {sql}")}
            found = clients.ask("odata", "get", "users", filter=text, select="id", top=999)["value"]
            equal({one["id"] for one in found}, expected, f"{text} (as SQL: {sql})")
            sizes.add(len(expected))
        ensure(len(sizes) > 5, f"they find as many too often: {sizes}")


def main():
    cases = Cases()
    with cases.group("graph"):
        install()
        with serving() as tenant, Clients(tenant) as clients:
            adele = people(cases, clients)
            policy(cases, clients)
            passkeys(cases, clients, tenant, adele)
            passes(cases, clients, adele)
            looking_back(cases, clients, tenant, adele)
            described(cases, tenant, clients, adele)
            refusals(cases, clients)
            beside_sqlite(cases, clients)
    cases.exit()


if __name__ == "__main__":
    main()
