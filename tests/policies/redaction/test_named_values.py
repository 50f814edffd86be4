"""A secret is masked however its name and it are joined; what only looks so stays."""

import pytest

from policies.redaction.named_values import named_hint
from policies.redaction.redactor import Redactor
from policies.redaction.rules import compile_pattern

REDACTOR = Redactor(key=b"a key of the tests")
MASK = REDACTOR.mask("acme:invoice-sync", "2026-01-31")
SHOWN = [
    "{ user: \x1b[32m'ann'\x1b[39m, password: \x1b[32m'Tr0ub4dor'\x1b[39m }",
    "{'user': 'ann', 'password': b'Tr0ub4dor'}",
    'Config { user: "ann", password: Some("Tr0ub4dor") }',
    "<Login><User>ann</User><Password>Tr0ub4dor</Password></Login>",
    "run: importer --user ann --password Tr0ub4dor --verbose",
    "password=Tr0ub4,dor9 user=ann",
    "password=Tr0ub4'dor9 user=ann",
    'password=Tr0ub4"dor9 user=ann',
    "password=Tr0ub4<dor9 x=1",
    "password=Tr0ub4>dor9 x=1",
    "password=Tr0ub4/dor9",
    "password=Tr0ub4@dor9;x=1",
    "postgres://app:Tr0ub4'dor@db.internal:5432/app",
    "postgres://app:Tr0ub4/dor@db.internal:5432/app",
    'postgres://app:Tr0ub4"dor@db.internal:5432/app',
    "postgres://app:Tr0ub4<dor@db/app",
    "postgres://app:Tr0ub4@dor@db.internal/app",
    "postgres://app:Tr0ub4,dor@db.internal/app",
    '[{"name":"x-api-key","value":"Tr0ub4dorXY"}]',
    '[["x-api-key","Tr0ub4dorXY"]]',
    '[["host","x"],["X-Api-Key", "Tr0ub4dorXY"]]',
    "[('x-api-key', 'Tr0ub4dorXY')]",
    "[('x-api-key', b'Tr0ub4dorXY')]",
    '{"value":"Tr0ub4dorXY","name":"x-api-key"}',
    'Header { name: "x-api-key", value: "Tr0ub4dorXY" }',
    '<input name="password" value="Tr0ub4dor">',
    '<add key="Password" value="Tr0ub4dor"/>',
    '<user password="Tr0ub4dor"/>',
    "<ns:Password type='x'>Tr0ub4dor</ns:Password>",
    "&lt;Password&gt;Tr0ub4dor&lt;/Password&gt;",
    "<Password><![CDATA[Tr0ub4dor]]></Password>",
    "acme_key=Tr0ub4dorTr0ub4dor12",
    "ACME_APP_KEY=Tr0ub4dorTr0ub4dor12",
    "acme_license_key: Tr0ub4dor99",
    "acme_auth=Tr0ub4dorTr0ub4dor12",
    "ACME_JWT=Tr0ub4dor99",
    "ACME_PAT=Tr0ub4dorTr0ub4dor99",
    "db_pass: Tr0ub4dor",
    '{"user_pwd":"Tr0ub4dor"}',
    '{"signingKey":"Tr0ub4dor"}',
    '{"encryptionKey":"Tr0ub4dor1"}',
    '{"authKey":"Tr0ub4dor1"}',
    "pass\u200bword=Tr0ub4dor",
    "password=Tr0\u200bub4dor",
    "pass\xadword=Tr0ub4dor",
    "password=\u202aTr0ub4dor\u202c",
    "\x1b[38;2;1;2;3mpassword\x1b[0m=\x1b[1mTr0ub4dor\x1b[0m",
    "\x1b]8;;https://ann:Tr0ub4dor@host.example/\x07link\x1b]8;;\x07",
    '["--password","Tr0ub4dor"]',
    "['--password', 'Tr0ub4dor']",
    "--password=Tr0ub4dor",
    "-Password Tr0ub4dor",
    "password='Tr0ub4 dor'",
    "password: “Tr0ub4 dor”",
    'password = """Tr0ub4 dor"""',
    'password => "Tr0ub4dor"',
    '["password"]=> string(9) "Tr0ub4dor"',
    '(string) (len=8) "password": (string) (len=9) "Tr0ub4dor"',
    ':password "Tr0ub4dor"',
    '{password,<<"Tr0ub4dor">>}',
    '{password, "Tr0ub4dor"}',
    "[password] => Tr0ub4dor",
    "password: Optional[Tr0ub4dor]",
    "password=Some(Tr0ub4dor)",
    "SecretStr password=SecretStr('Tr0ub4dor')",
    "{User:ann Password:Tr0ub4dor}",
    "Login(user=ann, password=Tr0ub4dor)",
    '"{\\"password\\":\\"Tr0ub4dor\\"}"',
    '"{\\\\\\"password\\\\\\":\\\\\\"Tr0ub4dor\\\\\\"}"',
    "&quot;password&quot;:&quot;Tr0ub4dor&quot;",
    "password: \\u001b[32m'Tr0ub4dor'\\u001b[39m",
    "password2=Tr0ub4dor",
    "password_confirmation: Tr0ub4dor",
    "passwordConfirmation='Tr0ub4dor'",
    "API_KEY_PROD=Tr0ub4dor1",
    "mysql -u app -pTr0ub4dor crm",
    "sshpass -p Tr0ub4dor ssh host",
    "docker login -u ann -p Tr0ub4dor",
    "curl -u ann:Tr0ub4dor https://x",
    "redis-cli -a Tr0ub4dor",
    "Server=x;User Id=sa;Password=Tr0ub4dor;Encrypt=no",
    "?password=Tr0ub4dor&x=1",
    "api key is Tr0ub4dorTr0ub4dor12 now",
    "GET /cb?code=Tr0ub4dorTr0ub4dor12&state=1",
    "Cookie: a=1; sid=Tr0ub4dor",
    '"cookie":"sid=Tr0ub4dor"',
    "Authorization: Token Tr0ub4dor99",
    "Authorization: b'Token Tr0ub4dor99'",
    "authorization=Tr0ub4dor99",
    "X-Api-Key: Tr0ub4dor99",
    "password -> Tr0ub4dor",
    "password := Tr0ub4dor",
    "- name: PASSWORD\n  value: Tr0ub4dor",
    "mongodb://u:Tr0ub4dor@h1:27017,h2:27017/x",
    'token="Tr0ub4dor99"',
    "secret: !str Tr0ub4dor",
    "p̲a̲ssword=Tr0ub4dor",
    "password=\x1b[31mTr0\x1b[32mub4dor\x1b[0m",
    "\x1b[2mtoken=\x1b[0m\x1b[33mTr0ub4dor99\x1b[0m",
    "password : 'Tr0ub4dor'",
    "`password`: `Tr0ub4dor`",
    "set password to x; PASSWORD='Tr0ub4dor'",
    '"password":["Tr0ub4dor","Tr0ub4dor"]',
    "password=hunter&Tr0ub4dor rest",
    "password=hunter;Tr0ub4dor rest",
    "password=Tr0ub4dor'",
    "'password=Tr0ub4dor'",
    '"msg":"password=Tr0ub4dor","a":1',
]
LEFT = [
    "handler@index.js:10:5",
    "wasi:http/outgoing-handler@0.2.0.handle",
    "name@2x.png",
    "password: the field is required",
    "password reset mail sent",
    '{"msg":"fetch","credentials":"include","mode":"cors"}',
    "ssh -p 2222 host",
    "docker run -u 1000:1000 img",
    "Error\n    at handler@file.ts:3:1",
    "max_tokens=4096 token_type=bearer",
    "cache_key=user:42:9f8e7d6c5b4a39281706aabbccddeeff",
    "primary_key=id",
    "mysql -u root -p",
    "mysql -h host -P 3306",
    "usage: x --password PASSWORD --user USER",
    "--password-stdin",
    "Token::new(abc)",
    "password=$DB_PASSWORD",
    "password=${DB_PASSWORD}",
    "pass=12 fail=3",
    "tests_pass: 12",
    "bypass: nothing",
    "keyboard=logitech",
    "token_count: 12345678",
    "password: must be at least 8 characters",
    "Password is too short",
    "public_key=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
    "getty@tty1.service: started",
    "user@1000.service",
    '{"errors":{"password":["This field is required."]}}',
    '["user","password","email"]',
    '["password","email"]',
    "iban of AB12 3456 7890",
    "phone rang 3 times",
    "mobile: yes",
    "auth=basic",
    "pin=high",
    "id=4532015112830366",
    "order 4532015112830366 shipped",
    "curl -X POST -u user https://x",
    "curl -p 8080 -w 5",
    "zip -p 3 a.zip",
    "the token is invalid",
    "session: started",
    "signature: ok",
    "x-request-id: 9f8e7d6c5b4a39281706aabbccddeeff",
    "<token>",
    "<password/>",
    "secret-manager: ready",
    "password manager: bitwarden",
    "docker run -p 8080:80 nginx",
    "key=value",
]


@pytest.mark.parametrize("text", SHOWN)
def test_the_value_is_masked_wherever_it_stands(text):
    said, names = REDACTOR.text(text, MASK)
    assert names
    for part in ("Tr0", "ub4", "dor"):
        assert part not in said
    assert REDACTOR.text(said, MASK) == (said, ())


@pytest.mark.parametrize("text", LEFT)
def test_what_only_looks_like_a_value_stays(text):
    assert REDACTOR.text(text, MASK) == (text, ())


@pytest.mark.parametrize(
    "text", ["password: [redacted:x]", 'password="[redacted:x]", n', "password"]
)
def test_the_hint_calls_a_masked_line_clean(text):
    assert compile_pattern(named_hint("password")).search(text.encode()) is None


def test_what_surrounds_a_value_is_left_as_it_was():
    for text, masked in (
        ("{ password: \x1b[32m'Tr0ub4dor'\x1b[39m }",
         "{ password: \x1b[32m'[redacted:password]'\x1b[39m }"),
        ("<Password>Tr0ub4dor</Password>", "<Password>[redacted:password]</Password>"),
        ("run --password Tr0ub4dor --verbose", "run --password [redacted:password] --verbose"),
        ('password: Some("Tr0ub4dor") }', 'password: Some("[redacted:password]") }'),
        ("password=Tr0ub4,dor9 user=ann", "password=[redacted:password] user=ann"),
        ("pass\u200bword=Tr0\u200bub4dor!", "pass\u200bword=[redacted:password]"),
        ("{password,<<\"Tr0ub4dor\">>}", "{password,<<\"[redacted:password]\">>}"),
    ):  # fmt: skip
        assert REDACTOR.text(text, MASK)[0] == masked


def test_an_invisible_character_does_not_change_the_token():
    plain, _ = REDACTOR.text("api_key=abcdefgh0123456789", MASK)
    split, _ = REDACTOR.text("api_key=abcdefgh\u200b01234\x1b[0m56789", MASK)
    assert plain.split("#")[1][:8] == split.split("#")[1][:8]
