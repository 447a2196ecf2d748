// Two identity providers for the tests of signing in, each on a port of its own: one of an organisation, where people
// sign in, and one of an EHR, which launches the viewer and answers for its patients (one FHIR read). Both are the npm
// package oidc-provider with all its checks on; only the person at the keyboard is played, by a header of the request.
//
// Not for: anything but tests. Takes its settings as JSON on standard input, prints one line of JSON when both listen, and
// ends when standard input does.
import { createServer } from "node:http";
import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import Provider from "oidc-provider";

process.stdin.setEncoding("utf8");
process.stdin.on("end", () => process.exit(0));
const settings = await new Promise((resolve) => {
  let read = "";
  process.stdin.on("data", (text) => {
    read += text;
    if (read.endsWith("\n")) resolve(JSON.parse(read));
  });
});

// Who exists: {"ann": {"name": "Ann Example", "groups": ["Clinicians"]}}. Patients of the EHR, by id.
const { archive, people, patients, client_key: clientKey, client_secret: clientSecret } = settings;
const clientJwk = createPublicKey(clientKey).export({ format: "jwk" });

const signingKeys = () => {
  const jwk = (type, options, alg) => {
    const { privateKey } = generateKeyPairSync(type, options);
    return { ...privateKey.export({ format: "jwk" }), use: "sig", alg, kid: randomBytes(8).toString("hex") };
  };
  return { keys: [jwk("rsa", { modulusLength: 2048 }, "RS256"), jwk("ec", { namedCurve: "P-256" }, "ES256")] };
};

const findAccount = async (ctx, id) =>
  people[id] && { accountId: id, claims: async () => ({ sub: id, ...people[id] }) };

// Logs in as the header says, and grants what is asked: the scripted person.
const interact = (provider) => async (request, response) => {
  const details = await provider.interactionDetails(request, response);
  const who = request.headers["x-person"];
  if (details.prompt.name === "login") {
    if (!people[who]) return provider.interactionFinished(request, response, { error: "access_denied" });
    const login = { accountId: who, acr: people[who].acr, amr: ["pwd"] };
    return provider.interactionFinished(request, response, { login });
  }
  const { missingOIDCScope, missingOIDCClaims } = details.prompt.details;
  const grant = new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(" "));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
};

const listen = (answer) =>
  new Promise((resolve) => {
    const server = createServer((request, response) => answer.handle(request, response));
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}`));
  });

const make = (issuer, client, more, around) => {
  const provider = new Provider(issuer, {
    clients: [{
      redirect_uris: [`${archive}/signin/callback`],
      response_types: ["code"],
      grant_types: ["authorization_code"],
      ...client,
    }],
    jwks: signingKeys(),
    cookies: { keys: [randomBytes(16).toString("hex")] },
    pkce: { required: () => true },
    // The archive of a test is on this machine, which the package would not call otherwise.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    findAccount,
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    claims: { openid: ["sub"], profile: ["name", "groups", "npi"], acr: null, auth_time: null, sid: null },
    enabledJWA: { clientAuthSigningAlgValues: ["ES384", "ES256", "RS256"] },
    ...more,
  });
  if (around) provider.use(around);
  const serve = provider.callback();
  const interaction = interact(provider);
  return {
    provider,
    handle: (request, response) => (request.url.startsWith("/interaction/") ? interaction(request, response) : serve(request, response)),
  };
};

// --- the organisation ---
const organisation = {};
const idp = await listen(organisation);
Object.assign(organisation, make(idp, {
  client_id: "archive",
  token_endpoint_auth_method: "private_key_jwt",
  jwks: { keys: [{ ...clientJwk, use: "sig", kid: "archive" }] },
  id_token_signed_response_alg: "ES256",
  post_logout_redirect_uris: [`${archive}/signin`],
  backchannel_logout_uri: `${archive}/signin/backchannel`,
  backchannel_logout_session_required: true,
}, {
  acrValues: ["urn:test:mfa", "urn:test:password"],
  // The scripted person presses the button of the real logout form.
  features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true } },
}));

// --- the EHR ---
const ehr = {};
const ehrUrl = await listen(ehr);
const launches = new Map();
const fhir = `${ehrUrl}/fhir`;
// The launch context comes back beside the token (SMART App Launch 2.2: "launch context arrives with your access token").
const withContext = async (ctx, next) => {
  await next();
  const asked = ctx.oidc?.params;
  if (asked?.launch && asked.aud === fhir) {
    launches.set(asked.nonce, JSON.parse(Buffer.from(asked.launch, "base64url")));
  }
  if (ctx.oidc?.route === "token" && ctx.body?.access_token) {
    Object.assign(ctx.body, launches.get(ctx.oidc.entities.AuthorizationCode?.nonce), { need_patient_banner: true });
  }
};
const launcher = make(ehrUrl, {
  client_id: "viewer",
  client_secret: clientSecret,
  token_endpoint_auth_method: "client_secret_basic",
  id_token_signed_response_alg: "RS256",
}, {
  scopes: ["openid", "launch", "fhirUser", "patient/Patient.rs"],
  // SMART wants fhirUser in the id_token itself.
  conformIdTokenClaims: false,
  claims: { openid: ["sub"], fhirUser: ["fhirUser", "name"], acr: null, auth_time: null, sid: null },
  extraParams: ["launch", "aud"],
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
}, withContext);
const json = (response, status, value) => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
};
ehr.handle = async (request, response) => {
  if (request.url === "/fhir/.well-known/smart-configuration") {
    return json(response, 200, {
      issuer: ehrUrl,
      jwks_uri: `${ehrUrl}/jwks`,
      authorization_endpoint: `${ehrUrl}/auth`,
      token_endpoint: `${ehrUrl}/token`,
      authorization_response_iss_parameter_supported: true,
      grant_types_supported: ["authorization_code"],
      code_challenge_methods_supported: ["S256"],
      capabilities: ["launch-ehr", "sso-openid-connect", "context-ehr-patient"],
    });
  }
  if (request.url.startsWith("/fhir/Patient/")) {
    const bearer = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    const token = await launcher.provider.AccessToken.find(bearer);
    if (!token?.scope?.split(" ").includes("patient/Patient.rs")) return json(response, 401, {});
    const patient = patients[request.url.slice("/fhir/Patient/".length)];
    return patient ? json(response, 200, patient) : json(response, 404, {});
  }
  return launcher.handle(request, response);
};

console.log(JSON.stringify({ idp, ehr: ehrUrl, fhir }));
