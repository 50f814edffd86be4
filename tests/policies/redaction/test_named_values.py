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
    "  password: Tr0ub4dor # prod",
    "Password : Tr0ub4dor",
    "PASSWORD='Tr0ub4dor' node x",
    "password is Tr0ub4dor",
    "passwd=Tr0ub4dor",
    "pass: Tr0ub4dor",
    "the password is: Tr0ub4dor",
    "new Login { User = ann, Password = Tr0ub4dor }",
    'Login{User:"ann", Password:"Tr0ub4dor"}',
    '%{user: "ann", password: "Tr0ub4dor"}',
    '{:user "ann", :password "Tr0ub4dor"}',
    "array ( 'password' => 'Tr0ub4dor', )",
    "$VAR1 = { 'password' => 'Tr0ub4dor' };",
    "password := `Tr0ub4dor`",
    "stdClass Object ( [password] => Tr0ub4dor )",
    'object(x)#1 { ["password"]=> string(9) "Tr0ub4dor" }',
    '#<User password: "Tr0ub4dor", id: 1>',
    "User(password='Tr0ub4dor', id=1)",
    "Namespace(password='Tr0ub4dor')",
    "OrderedDict([('password', 'Tr0ub4dor')])",
    "Headers([('x-api-key', 'Tr0ub4dor9')])",
    'HeaderMap { "x-api-key": "Tr0ub4dor9" }',
    "map[X-Api-Key:[Tr0ub4dor9]]",
    "map[password:Tr0ub4dor user:ann]",
    'http.Header{"X-Api-Key":[]string{"Tr0ub4dor9"}}',
    "{'x-api-key': ['Tr0ub4dor9']}",
    "[Symbol(headers)]: { 'x-api-key': 'Tr0ub4dor9' }",
    "Map(1) { 'password' => 'Tr0ub4dor' }",
    "rawHeaders: [ 'Host', 'x', 'X-Api-Key', 'Tr0ub4dor9' ]",
    "> x-api-key: Tr0ub4dor9",
    "-H 'X-Api-Key: Tr0ub4dor9'",
    '-H "X-Auth-Token: Tr0ub4dor9"',
    "curl --user ann:Tr0ub4dor https://x",
    "curl -uann:Tr0ub4dor https://x",
    "--token=Tr0ub4dor9",
    "-token Tr0ub4dor9",
    "--api-key Tr0ub4dor9",
    "--client-secret 'Tr0ub4dor'",
    '--password "Tr0ub4 dor"',
    '--db-password="Tr0ub4dor"',
    "psql postgresql://u:Tr0ub4dor@h/db",
    "jdbc:postgresql://h/db?user=u&password=Tr0ub4dor",
    "Data Source=x;Password='Tr0ub4;dor';",
    "amqp://u:Tr0ub4dor@h",
    "ftp://u:Tr0ub4dor@h",
    "https://ann:Tr0ub4dor@h",
    "smb://dom;u:Tr0ub4dor@h",
    "<password>\n  Tr0ub4dor\n</password>",
    '<wsse:Password Type="x#PasswordText">Tr0ub4dor</wsse:Password>',
    "<property name='password'>Tr0ub4dor</property>",
    '<entry key="password">Tr0ub4dor</entry>',
    '<string name="api_key">Tr0ub4dor9</string>',
    "<key>password</key><string>Tr0ub4dor</string>",
    "<td>Password</td><td>Tr0ub4dor</td>",
    "password=\nTr0ub4dor",
    "PGPASSWORD=Tr0ub4dor psql",
    "SSHPASS=Tr0ub4dor",
    "set PASSWORD=Tr0ub4dor",
    "$env:PASSWORD = 'Tr0ub4dor'",
    "os.environ['PASSWORD'] = 'Tr0ub4dor'",
    "process.env.PASSWORD='Tr0ub4dor'",
    "ENV PASSWORD Tr0ub4dor",
    "setx PASSWORD Tr0ub4dor",
    '{"key":"password","value":"Tr0ub4dor"}',
    '{"Name":"DB_PASSWORD","Value":"Tr0ub4dor"}',
    '{"header":"x-api-key","values":["Tr0ub4dor9"]}',
    "{name: 'x-api-key', value: 'Tr0ub4dor9'}",
    '(name: "x-api-key", value: "Tr0ub4dor9")',
    'Field { name: "x-api-key", value: [84, 114] } password=Tr0ub4dor',
    '{"name":"password","type":"string","value":"Tr0ub4dor"}',
    '["authorization","Tr0ub4dor9"]',
    '["Authorization","Basic dXNlcjpUcjB1YjRkb3I="] password=Tr0ub4dor',
    "('authorization', 'Bearer Tr0ub4dor99')",
    '["cookie","sid=Tr0ub4dor"]',
    '("set-cookie", "sid=Tr0ub4dor; Path=/")',
    "pass\u200dword: Tr0ub4dor",
    "p\u2060assword: Tr0ub4dor",
    "Password： Tr0ub4dor",
    "password\xa0=\xa0Tr0ub4dor",
    "\x1b[1mpassword\x1b[22m \x1b[2m=\x1b[22m \x1b[36mTr0ub4dor\x1b[39m",
    '\x1b[32m"password"\x1b[0m: \x1b[33m"Tr0ub4dor"\x1b[0m',
    "\x1b]0;password=Tr0ub4dor\x07",
    "\x1bPpassword=Tr0ub4dor\x1b\\",
    "q=%7B%22password%22%3A%22Tr0ub4dor%22%7D",
    "\\x1b[32m'password'\\x1b[0m: 'Tr0ub4dor'",
    "\\u0022password\\u0022:\\u0022Tr0ub4dor\\u0022",
    "{\\u0022password\\u0022: 1} password=Tr0ub4dor",
    "AUTH_KEY=Tr0ub4dor9",
    "x-functions-key: Tr0ub4dor9Tr0ub4dor9",
    "Ocp-Apim-Subscription-Key: Tr0ub4dor9",
    "X-Vault-Token: Tr0ub4dor9",
    "PRIVATE-TOKEN: Tr0ub4dor9",
    "X-Goog-Api-Key: Tr0ub4dor9",
    "apikey Tr0ub4dor9Tr0ub4dor9",
    "client_assertion=Tr0ub4dor9Tr0ub4dor9",
    "refresh_token=Tr0ub4dor9",
    "id_token_hint=Tr0ub4dor9",
    "oauth_signature=Tr0ub4dor9Tr0ub4dor9",
    "secretAccessKey: 'Tr0ub4dor'",
    "storage_account_key=Tr0ub4dor9Tr0ub4dor9",
    'connectionString="Server=x;Password=Tr0ub4dor"',
    "webhook_secret: Tr0ub4dor",
    "encryption.key=Tr0ub4dor9",
    "jwt_secret_key=Tr0ub4dor9",
    "password[0]=Tr0ub4dor",
    "user[password]=Tr0ub4dor",
    'params: {"user"=>{"password"=>"Tr0ub4dor"}}',
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
LEFT += """
Password:
enter password:
password policy
password=
passwords: 3
wrong password for ann
password strength: strong
password_reset_url=https://x.example/reset
password_changed_at=2026-01-31
password_min_length=12
secret_name=db-prod
secretName: my-secret
token_endpoint=https://x.example/token
token_url: https://idp.example/oauth/token
tokenizer=bpe
token bucket is full
api_key_id=12
key_id=abc
keys=[a,b]
public_key_path=/etc/x.pub
ssh_key_path=/home/ann/.ssh/id
auth_type=basic
auth_url=https://x
session_timeout=30m
session_count=5
cookie_domain=example.com
csrf_enabled=true
author=ann
authority=x
pattern=abc
path=/a/b
patch=3
compass=1
passed=12 failed=0
passenger=ann
pinned: true
pinging host
opinion: good
spinner=x
signature verification failed
signed_url_expiry=60
access_key_rotation=90d
certificate for *.example.com
ETag: W/"5d8c72a5edda8d6a:0"
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Last-Event-ID: 1767225600123-4
sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==
x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
X-Correlation-Id: 7c9e6679-7425-40de-944b-e07fc1f90ae7
GET /auth/callback 302
POST /oauth/token 200 12ms
POST /password/reset 200
user/password mismatch
error: token required at line 3
SyntaxError: Unexpected token } in JSON at position 12
SyntaxError: Unexpected token 'export'
unexpected token: punc (})
token: <
expected one of tokens: ident, number
class TokenService: started
lexer token IDENT 'foo'
secrets: []
secret scanning enabled
basic auth enabled
bearer token missing
Bearer error="invalid_token"
docker run --env-file x -p 80:80 web
tar -p -xf a.tar
cp -p a b
mkdir -p /srv/app
ps -p 1234
ls -a /tmp
netstat -a
curl -a x
wget -p http://x
zip -r a.zip b
unzip -p a.zip
mongo --host x --port 27017
redis-cli -p 6379 ping
redis-cli -h x -a
sqlcmd -S x -Q y
mysql -uroot -h db
id: 5500000000000004x
order no 5105105105105100
phone book opened
tel aviv
fax machine ready
call +49 30 901820
user@localhost
npm i @scope/pkg@1.2.3
s3://bucket/key=value/part-0001
iban missing
AB12CD34
DE123456789 vat
[user@host ~]$ ls
ann@laptop:~$
https://user@host/path
code=404 status=x
?code=404
state=abc
?key=value
key=abc123
max_key=5
hotkey=ctrl+c
monkey=george
whiskey: 2
turkey: 5
keyed by id
primary key (id)
foreign key constraint fails
duplicate key value violates unique constraint "users_email_key"
Key (email)=(x) already exists
key not found: abc
NoSuchKey: The specified key does not exist
passphrase-less key
commit 4bf92f3577b34da6a3ce929d0e0e47364bf92f35
pin=12 gpio_pin=4
otp sent
totp verified
jwt expired
jwt malformed
JWT verification: ok
pat: ok
sig=ok
webhook delivered
webhook: https://x.example/hooks/1
credentials loaded
credentials: none
credential helper: store
""".strip().splitlines()


@pytest.mark.parametrize("text", SHOWN)
def test_the_value_is_masked_wherever_it_stands(text):
    said, names = REDACTOR.text(text, MASK)
    assert names
    for part in ("ub4", "4do"):
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
