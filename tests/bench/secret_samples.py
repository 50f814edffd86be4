"""Made-up secrets of public families, for recall: drawn from each family's form by a seed.

A form is literal text with places: {H32} hex, {L..} a-z 0-9, {U..} A-Z 0-9, {A..} letters and
digits, {W..} with _ and -, {B..} base64, {D..} digits, {G} a UUID. Nothing here was ever issued.
Families without a form of their own (32 hex digits) are listed too: only their context tells them.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_ALNUM: Final = string.ascii_letters + string.digits
_ALPHABETS: Final = {
    "H": "0123456789abcdef",
    "L": string.ascii_lowercase + string.digits,
    "U": string.ascii_uppercase + string.digits,
    "A": _ALNUM,
    "W": _ALNUM + "_-",
    "B": _ALNUM + "+/",
    "D": string.digits,
}
_PLACE: Final = re.compile(r"\{([A-Z])(\d*)\}")

# family: its form; a family has a form of its own where the form says more than its alphabet.
FORMS: Final = """
adafruit: aio_{A28} | adobe-client-secret: p8e-{A32} | adyen: AQE{A20}{B60}
age: AGE-SECRET-KEY-1{U58} | airtable-pat: pat{A14}.{H64} | airtable-old: key{A14}
aiven-password: AVNS_{W17} | aiven: {B372} | akamai: akab-{L16}-{L16} | algolia: {H32}
alibaba: LTAI{A20} | amplitude: {H32} | anthropic: sk-ant-api03-{W93}AA
anthropic-admin: sk-ant-admin01-{W93}AA | anyscale: esecret_{L28} | apify: apify_api_{A36}
apollo: service:acme-{L6}:{A22} | appcenter: {H40} | artifactory: AKCp{A69}
artifactory-reference: cmVmdGtu{A56} | asana-pat: 2/{D16}/{D16}:{H32} | asana-secret: {H32}
assemblyai: {H32} | atlassian: ATATT3xFfGF0{W180}={U8} | auth0-secret: {W64}
authress: sc_{L10}.{L4}.acc_{L10}.{W40} | aws-access-key: AKIA{U16} | aws-temporary: ASIA{U16}
aws-secret: {B40} | aws-bedrock: ABSK{B110}= | azure-devops: {A52}JQQJ99{U18}AZDO{A4}
azure-client-secret: {A3}8Q~{W34} | azure-storage: {B76}+ASt{B6}== | azure-cosmos: {B76}ACDb{B6}==
azure-search: {A42}AzSe{A6} | azure-openai: {A44}JQQJ99{U14}ACOG{A4}
azure-sas-sig: https://acme.blob.core.windows.net/c?sv=2024-08-04&sig={A42}%3D | beamer: b_{W44}
bitbucket: ATBB{A32} | bitly: {H40} | bittrex: {H32} | box: {A32}
braintree: access_token$production${L16}${H32} | brevo: xkeysib-{H64}-{A16}
brevo-smtp: xsmtpsib-{H64}-{A16} | buildkite: bkua_{H40} | buildkite-agent: bkct_{H40}
bugsnag: {H32} | calendly: eyJraWQiOiIx{A40}.{A80}.{W86} | cerebras: csk-{L48}
circleci: CCIPAT_{A22}_{H40} | circleci-project: CCIPRJ_{A22}_{H40} | clearbit: sk_{H32}
clerk: sk_live_{A42} | clickhouse: 4b1d{A38} | clickup: pk_{D8}_{U32} | clojars: CLOJARS_{L60}
cloudflare-global: {H37} | cloudflare-token: {W40} | cloudflare-origin: v1.0-{H24}-{H146}
cloudinary: cloudinary://{D15}:{W27}@acme | codecov: {G} | cohere: {A40} | coinbase: {W64}
confluent-secret: cflt{B60} | contentful: CFPAT-{W43} | contentful-delivery: {W43}
convex: prod:{L14}-{D3}|{B80} | crates: cio{A32} | customerio: {H20} | databricks: dapi{H32}
datadog-api: {H32} | datadog-app: {H40} | datadog-new: ddapp_{A34} | dbt: dbtc_{W40}
deepgram: {H40} | deepseek: sk-{H32} | defined: dnkey-{A26}-{A52} | digitalocean: dop_v1_{H64}
digitalocean-oauth: doo_v1_{H64} | digitalocean-spaces: DO801{U15}
discord-bot: MTA{A21}.G{A5}.{W38} | discord-webhook: https://discord.com/api/webhooks/{D18}/{W68}
discord-secret: {W32} | docker: dckr_pat_{W27} | docker-org: dckr_oat_{W32} | doppler: dp.pt.{A43}
doppler-service: dp.st.prd.{A43} | doppler-scim: dp.scim.{A43} | droneci: {L32}
dropbox: sl.{W140} | dropbox-secret: {L15} | duffel: duffel_live_{W43}
dynatrace: dt0c01.{U24}.{U64} | e2b: e2b_{H40} | easypost: EZAK{A54} | easypost-test: EZTK{A54}
elastic: essu_{B80} | elevenlabs: sk_{H48} | endor: endr+{W16} | etsy: {L24} | exa: {G}
facebook: EAA{A160} | facebook-secret: {H32} | fastly: {W32} | figma: figd_{W43} | finicity: {H32}
finnhub: {L20} | firebase-server: AAAA{W7}:APA91b{W140} | firecrawl: fc-{H32} | fireworks: fw_{A24}
flickr: {H32} | flutterwave: FLWSECK-{H32}-X | flutterwave-test: FLWSECK_TEST-{H32}-X
fly: fm2_{B160} | frameio: fio-u-{W64} | freshbooks: {H64} | gcp-api-key: AIza{W35}
gcp-oauth: ya29.{W120} | gcp-client-secret: GOCSPX-{W28} | gcp-refresh: 1//0{W90}
gemini-new: AQ.Ab{W50} | github: ghp_{A36} | github-oauth: gho_{A36} | github-app: ghs_{A36}
github-refresh: ghr_{A76} | github-fine: github_pat_{A22}_{A59} | gitlab: glpat-{W20}
gitlab-deploy: gldt-{W20} | gitlab-runner: glrt-{W20} | gitlab-ci: glcbt-{H2}_{W20}
gitlab-old-runner: GR1348941{W20} | gitlab-feed: glft-{W20} | gitter: {H40}
gocardless: live_{W40}
google-chat: https://chat.googleapis.com/v1/spaces/{A11}/messages?key={A39}&token={W43}
grafana-sa: glsa_{A32}_{H8} | grafana-cloud: glc_{B80} | grafana-old: eyJrIjoi{A80}
groq: gsk_{A52} | harness: pat.{A22}.{H24}.{A20} | hashicorp-vault: hvs.{W92}
hashicorp-batch: hvb.{W140} | terraform: {A14}.atlasv1.{W67} | heroku: {G}
heroku-new: HRKU-AA{W58} | honeycomb: hcaik_{L58} | hubspot: pat-na1-{G} | hubspot-old: {G}
huggingface: hf_{A34} | huggingface-org: api_org_{A34} | infisical: st.{A24}.{A32}.{A32}
inngest: signkey-prod-{H64} | instagram: IGQV{A160} | intercom: dG9rO{B54}=
intra42: s-s4t2ud-{H64} | ipstack: {H32} | jina: jina_{W60}
jwt: eyJhbGciOiJIUzI1NiJ9.eyJ{A60}.{W43}
quickbooks-jwe: eyJlbmMiOiJBMTI4{A20}..{W22}.{W200}.{W22} | quickbooks-refresh: AB11{D12}{A34}
kaggle: KGAT_{H32} | klaviyo: pk_{H34} | kraken: {B86}==
kubernetes: eyJhbGciOiJSUzI1NiIs{A60}.eyJ{A200}.{W342} | kucoin: {H24} | langfuse: sk-lf-{G}
langsmith: lsv2_pt_{H32}_{H10} | launchdarkly: sdk-{G} | launchdarkly-api: api-{G}
linear: lin_api_{A40} | linear-oauth: lin_oauth_{H64} | linkedin: {A16}
linkedin-new: WPL_AP1.{A16}.{A6}== | lob: live_{H35} | lob-test: test_{H35}
mailchimp: {H32}-us{D2} | mailgun: key-{H32} | mailgun-new: {H32}-{H8}-{H8} | mailjet: {H32}
mapbox: sk.eyJ{A60}.{W22} | matrix: syt_{A12}_{A20}_{A6} | mattermost: {L26}
maxmind: {A6}_{A29}_mmk | messagebird: {A25} | mistral: {A32} | mixpanel: {H32} | modal: ak-{A22}
mollie: live_{A30} | monday: eyJhbGciOiJIUzI1NiJ9.eyJ0aWQi{A120}.{W43}
mongodb-atlas: mdb_sa_sk_{W40} | neon: napi_{L64} | netlify: nfp_{A36} | netlify-old: {W43}
newrelic-user: NRAK-{U27} | newrelic-license: {H36}NRAL | newrelic-browser: NRJS-{H19}
ngrok: 2{A26}_{A21} | notion: ntn_{D11}{A35} | notion-old: secret_{A43} | npm: npm_{A36}
nuget: oy2{L43} | nvidia: nvapi-{W64} | nylas: nyk_v0_{A64} | nytimes: {W32} | octopus: API-{U26}
okta: 00{W40} | onepassword: ops_eyJ{B260} | onepassword-key: A3-{U6}-{U6}-{U5}-{U5}-{U5}-{U5}
onesignal: os_v2_app_{L103} | openai: sk-proj-{W74}T3BlbkFJ{W74}
openai-old: sk-{A20}T3BlbkFJ{A20} | openrouter: sk-or-v1-{H64} | openshift: sha256~{W43}
opsgenie: {G} | packagist: packagist_uut_{H68} | pagerduty: u+{W18} | paypal: A21AA{W92}
paypal-secret: {W80} | paystack: sk_live_{H40} | perplexity: pplx-{A48} | pinecone: pcsk_{A6}_{A63}
plaid: access-sandbox-{G} | plaid-production: access-production-{G} | plaid-secret: {H30}
planetscale: pscale_tkn_{W43} | planetscale-password: pscale_pw_{W43}
planetscale-oauth: pscale_oauth_{W43}
postgres-url: postgres://app:{A16}@db.acme.internal:5432/app | posthog: phx_{A43}
postman: PMAK-{H24}-{H34} | postmark: {G}
power-automate: https://prod-11.westus.logic.azure.com:443/workflows/{H32}/triggers/manual/paths/invoke?sp=x&sig={W43}
prefect: pnu_{A36} | pulumi: pul-{H40} | pypi: pypi-AgEIcHlwaS5vcmc{W120} | rapidapi: {A50}
razorpay-id: rzp_live_{A14} | readme: rdme_{L70} | render: rnd_{A28} | replicate: r8_{A37}
resend: re_{A8}_{A24} | retool: retool_01{L24} | riot: RGAPI-{G} | rollbar: {H32}
rubygems: rubygems_{H48} | salesforce: 00D{A12}!{A96} | sanity: sk{A178} | scaleway: SCW{U17}
scaleway-secret: {G} | scalingo: tk-us-{W48} | segment: sgp_{A64} | sendbird: {H40}
sendgrid: SG.{W22}.{W43} | sentry: sntryu_{H64} | sentry-org: sntrys_{A80}=
sentry-dsn: https://{H32}@o{D6}.ingest.sentry.io/{D7} | sentry-old: {H64}
settlemint: sm_pat_{A16} | shippo: shippo_live_{H40} | shopify: shpat_{H32}
shopify-secret: shpss_{H32} | shopify-app: shpca_{H32} | shopify-private: shppa_{H32}
sidekiq: {H8}:{H8} | slack-bot: xoxb-{D12}-{D13}-{A24} | slack-user: xoxp-{D12}-{D12}-{D12}-{H32}
slack-app: xapp-1-A{U10}-{D13}-{H64} | slack-config: xoxe.xoxp-1-{A163}
slack-webhook: https://hooks.slack.com/services/T{U10}/B{U10}/{A24} | snyk: {G}
sonarqube: squ_{H40} | sonarcloud: {H40} | sourcegraph: sgp_{H16}_{H40} | spotify: {H32}
square: sq0atp-{W22} | square-secret: sq0csp-{W43} | square-access: EAAA{W60} | squarespace: {G}
stripe: sk_live_51{A97} | stripe-restricted: rk_live_51{A97} | stripe-test: sk_test_{A24}
stripe-org: sk_org_live_{A40} | stripe-webhook: whsec_{A32} | stytch: secret-live-{W43}=
sumologic: {A64} | supabase: sbp_{H40} | supabase-secret: sb_secret_{W31}
tailscale: tskey-auth-{A17}CNTRL-{A32} | tavily: tvly-dev-{A32}
teams: https://acme.webhook.office.com/webhookb2/{G}@{G}/IncomingWebhook/{H32}/{G}
telegram: {D10}:AA{W33} | together: tgp_v1_{W43} | travis: {A22} | trello: ATTA{H64}{U8}
trello-old: {H32} | trigger: tr_prod_{A20} | twilio: SK{H32} | twilio-token: {H32} | twitch: {L30}
twitter-bearer: AAAAAAAAAAAAAAAAAAAAA{A80}%3D{A20} | twitter-secret: {A45}
typeform: tfp_{A44}_{A14} | unleash: default:production.{H56} | vercel: vcp_{A56}
vercel-old: {A24} | vk: vk1.a.{W200} | voyage: pa-{W43} | wandb: {H40} | wandb-new: wandb_v1_{A77}
weather: {H32} | woocommerce: ck_{H40} | xai: xai-{A80} | yandex: AQVN{W36}
yandex-oauth: y0_{W55} | zapier: https://hooks.zapier.com/hooks/catch/{D7}/{L7}abc12
zendesk: {A40} | zoom: {A32} | zuplo: zpka_{H32}_{H8}
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One made-up secret, and the parts of it that must not be seen."""

    family: str
    secret: str
    parts: tuple[str, ...]


def forms() -> dict[str, str]:
    """Each family's form."""
    rows = re.split(r"\s\|\s|\n", FORMS.strip())
    return dict(row.strip().split(": ", 1) for row in rows if row.strip())


def samples(family: str, form: str, *, count: int, seed: int) -> Iterator[Sample]:
    """So many secrets of a family, always the same for a seed."""
    rng = random.Random(f"{family}/{seed}")
    for _ in range(count):
        parts: list[str] = []

        def fill(match: re.Match[str], parts: list[str] = parts) -> str:
            kind, length = match.group(1), int(match.group(2) or 0)
            if kind == "G":
                digits = [_draw(rng, "H", n) for n in (8, 4, 4, 4, 12)]
                parts.append(digits[-1])
                return "-".join(digits)
            text = _draw(rng, kind, length)
            parts.append(text)
            return text

        secret = _PLACE.sub(fill, form)
        long = [part for part in parts if len(part) >= 12] or [max(parts, key=len)]
        yield Sample(family, secret, (long[-1],))


def _draw(rng: random.Random, kind: str, length: int) -> str:
    """Random characters that begin and end with a letter or a digit, letters and digits mixed."""
    while True:
        text = "".join(rng.choices(_ALPHABETS[kind], k=length))
        mixed = kind == "D" or length < 12 or (any(c.isdigit() for c in text)
                                               and any(c.isalpha() for c in text))  # fmt: skip
        if mixed and text[0] not in "_-+/" and text[-1] not in "_-+/":
            return text


CONTEXTS: Final = (
    "{V}_API_KEY={s}",
    "{V}_TOKEN: {s}",
    '{{"{v}_secret":"{s}","retry":3}}',
    "  {v}AccessToken = '{s}',",
    "export {V}_KEY={s}",
    "{V}_CLIENT_SECRET={s} {V}_REGION=eu",
    'headers: [["x-{v}-key","{s}"]]',
    "{v}_auth: {s}",
    "start --{v}-token {s} --verbose",
    '{v}: {{ signingKey: "{s}" }}',
)
BARE: Final = ("{s}", "connected with {s}", "client answered, {s} was used", "'{s}'", "[{s}]")


def in_context(sample: Sample) -> Iterator[str]:
    """Lines as programs print a secret beside the usual names."""
    word = re.sub(r"[^a-z0-9]", "", sample.family.split("-")[0])
    for context in CONTEXTS:
        yield context.format(V=word.upper(), v=word, s=sample.secret)


def bare(sample: Sample) -> Iterator[str]:
    """Lines in which nothing but the secret's own form tells it."""
    for line in BARE:
        yield line.format(s=sample.secret)


def is_hidden(sample: Sample, shown: str) -> bool:
    """Whether no eight characters in a row of the secret's random part are left."""
    return not any(
        part[at : at + 8] in shown for part in sample.parts for at in range(max(1, len(part) - 7))
    )
