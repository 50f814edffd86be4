"""Made-up lines of many loggers and languages without a secret, for precision: drawn by a seed.

Each template is a line as some program prints it; places in braces are filled anew each time with
ids, hashes, paths, versions and words, as dense in look-alikes of secrets as real logs are.
"""

from __future__ import annotations

import base64
import random
import re
import string
from collections.abc import Callable, Iterator
from typing import Final

_PLACE: Final = re.compile(r"\{(\w+)\}")
_ALNUM: Final = string.ascii_letters + string.digits
_WORDS: Final = (
    "invoice", "order", "sync", "customer", "payment", "shipment", "report", "batch", "cache",
    "queue", "worker", "session", "import", "export", "token", "index", "bucket", "tenant",
    "webhook", "cursor", "page", "retry", "upload", "price", "stock", "ledger", "mail",
)  # fmt: skip
_FILES: Final = ("index.js", "app.ts", "main.py", "handler.rb", "server.go", "lib.rs", "Sync.java")
_LEVELS: Final = ("INFO", "DEBUG", "WARN", "ERROR", "info", "debug", "warning", "error")


def _chars(alphabet: str, least: int, most: int | None = None) -> Callable[[random.Random], str]:
    def draw(rng: random.Random) -> str:
        return "".join(rng.choices(alphabet, k=rng.randint(least, most or least)))

    return draw


def _uuid(rng: random.Random) -> str:
    text = _HEX32(rng)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_HEX32: Final = _chars("0123456789abcdef", 32)
_PLACES: Final[dict[str, Callable[[random.Random], str]]] = {
    "uuid": _uuid,
    "hex32": _HEX32,
    "hex40": _chars("0123456789abcdef", 40),
    "hex64": _chars("0123456789abcdef", 64),
    "hex7": _chars("0123456789abcdef", 7),
    "hex16": _chars("0123456789abcdef", 16),
    "ulid": lambda rng: "01" + "".join(rng.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=24)),
    "nano": _chars(_ALNUM + "_-", 21),
    "b58": _chars("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 44),
    "b64": lambda rng: base64.b64encode(rng.randbytes(64)).decode(),
    "id16": lambda rng: rng.choice("3456") + "".join(rng.choices(string.digits, k=15)),
    "id": lambda rng: str(rng.randint(1, 10**9)),
    "n": lambda rng: str(rng.randint(0, 5000)),
    "snow": lambda rng: str(rng.randint(10**17, 2 * 10**18)),
    "ms": lambda rng: f"{rng.random() * 900:.1f}",
    "ns": lambda rng: str(1_769_851_800_000_000_000 + rng.randrange(10**15)),
    "epoch": lambda rng: str(1_769_851_800 + rng.randrange(10**6)),
    "w": lambda rng: rng.choice(_WORDS),
    "file": lambda rng: rng.choice(_FILES),
    "lvl": lambda rng: rng.choice(_LEVELS),
    "ver": lambda rng: f"{rng.randint(0, 20)}.{rng.randint(0, 40)}.{rng.randint(0, 99)}",
    "ip": lambda rng: ".".join(str(rng.randint(1, 254)) for _ in range(4)),
    "port": lambda rng: str(rng.randint(1024, 65535)),
    "ts": lambda rng: (
        f"2026-0{rng.randint(1, 9)}-{rng.randint(10, 28)}T{rng.randint(10, 23)}:"
        f"{rng.randint(10, 59)}:{rng.randint(10, 59)}.{rng.randint(100, 999)}Z"
    ),
    "st": lambda rng: rng.choice(("200", "201", "204", "301", "304", "400", "401", "404", "500")),
}
TEMPLATES: Final = r"""
{ts} {lvl} handled request path=/v1/{w}/{id} status={st} rows={n} took={ms}ms trace={hex32}
{ip} - - [31/Jan/2026:09:30:00 +0000] "GET /v1/{w}?page={n}&sort=-created HTTP/1.1" {st} {n} "-" "Mozilla/5.0 (X11; Linux x86_64)"
{"level":30,"time":{epoch}123,"pid":{n},"hostname":"web-{hex7}","msg":"{w} synced","id":"{uuid}"}
{"level":"{lvl}","ts":{epoch}.123,"logger":"{w}","caller":"{w}/{file}:{n}","msg":"done","etag":"{hex32}"}
{"event":"{w} done","level":"{lvl}","timestamp":"{ts}","request_id":"{uuid}","duration_ms":{ms}}
level={lvl} ts={ts} caller={file}:{n} msg="{w} finished" component={w} duration={ms}ms
[{ts}] {lvl}: {w} {id} processed in {ms} ms (attempt {n})
    at {w}Handler@{file}:{n}:5
    at Object.<anonymous> (/srv/app/node_modules/{w}/{file}:{n}:{n})
    at async Promise.all (index {n})
{w}@https://cdn.example.com/assets/{w}.{hex7}.js:{n}:{n}
  File "/srv/app/{w}/{file}", line {n}, in {w}
	at com.acme.{w}.Sync$Inner.run(Sync.java:{n})
	at com.acme.Order@{hex7}.toString(Order.java:{n})
Caused by: java.lang.IllegalStateException: {w} {id} is gone
goroutine {n} [running]: main.{w}(0xc000{hex7}, 0x{hex16})
thread 'main' panicked at src/{w}.rs:{n}:5: index out of bounds
   at Acme.{w}.Run(String id) in C:\build\{w}\Sync.cs:line {n}
#0 /var/www/{w}/vendor/autoload.php({n}): Acme\Sync->run('{id}')
app/models/{w}.rb:{n}:in `block in call'
commit {hex40} by build-bot
Merge {hex7} into {hex7} (#{n})
HEAD is now at {hex7} fix {w} retry
sha256:{hex64} {w}.tar.gz
Digest: sha256:{hex64}
Status: Downloaded newer image for registry.example.com/acme/{w}:{ver}
added {n} packages, and audited {n} packages in {n}s
npm warn deprecated {w}@{ver}: this version is no longer supported
{w}@{ver} /srv/app/node_modules/{w}
resolved "https://registry.example.com/{w}/-/{w}-{ver}.tgz", integrity sha512-{b64}
Collecting {w}=={ver}
go: downloading example.com/acme/{w} v{ver}
Compiling {w} v{ver} (/srv/{w})
wasi:http/outgoing-handler@0.2.{n}.handle was refused
asset {w}.{hex16}.js {n} KiB [emitted] [immutable] (name: main)
image {w}@2x.png loaded, {n} bytes
getty@tty{n}.service: Succeeded.
systemd[1]: Started Session {n} of user {w}.
sshd[{n}]: Connection closed by {ip} port {port} [preauth]
kernel: [{n}.{id}] eth0: link up, 1000 Mbps, full duplex
run: ssh -p {n} build.example.com uptime
run: docker run -u 1000:1000 -p {n}:{n} acme/{w}:{ver}
run: curl -sS -X POST https://api.example.com:8443/v1/{w}/{uuid}
run: mysql -h db -P 3306 -u app {w}
git clone git@github.com:acme/{w}.git
http://localhost:{port}/@vite/client loaded
proxy http://{ip}:{port}/path/{w} answered {st}
kafka: topic={w} partition={n} offset={id16} key={w}-{n}
message id={id16} order={id16} acknowledged
trace_id={hex32} span_id={hex16} parent={hex16}
traceparent: 00-{hex32}-{hex16}-01
x-request-id: {uuid}
x-amz-request-id: {ulid}
etag: "{hex32}" cache-control: max-age={n}
cache miss key={w}:{id}:{hex32} ttl={n}
cache_key={w}/{hex40} hit
idempotency_key={uuid} replayed
partition_key={w}#{id} sort_key={ts}
primary_key={id} foreign_key={id}
s3_key=uploads/2026/01/{uuid}.png size={n}
routing_key={w}.created.v{n} delivered
public_key=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{hex32}
ulid {ulid} nanoid {nano} snowflake {snow}
tx 0x{hex64} in block {id} of account 0x{hex40}
cid Qm{b58}
data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA{b64}
ns={ns} epoch={epoch} float=0.{id16}
SELECT * FROM {w} WHERE id = {id} AND updated_at > '{ts}' -- {ms} ms
INSERT INTO {w} (id, name) VALUES ({id}, '{w}') RETURNING id
duration: {ms} ms  plan: Seq Scan on {w} (cost=0.00..{n}.{n} rows={n} width={n})
connection to db.internal:{port} refused, retry {n} of 5
usage: prompt_tokens={n} completion_tokens={n} total_tokens={n} max_tokens=4096
{"usage":{"input_tokens":{n},"output_tokens":{n}},"token_type":"bearer","expires_in":3600}
token expired, asking for a new one
Bearer authentication required
password: the field is required
{"errors":{"password":["must be at least 8 characters"],"token":["is invalid"]}}
Password reset mail sent to user {id}
password changed for user {id}
passwordless login enabled; password policy: minimum 12 characters
authorization: required
{"msg":"fetch","credentials":"include","mode":"cors","id":{id}}
session started for {w}; session ended after {n} s
cookie banner shown, cookies: {n}
secret-manager: {n} secrets listed
the secret {w} was not found
keyboard=us monkey={n} bypass: {n} compass: north
tests: {n}, pass={n} fail={n} skipped={n}
auth=none pin=high gpio_pin={n}
phone rang {n} times, mobile: yes, fax: none
basic information about {w} {id}
{w},{id},{ts},{ms},{n},EUR
http_requests_total{method="GET",code="{st}",path="/v1/{w}"} {n}
# HELP {w}_seconds Time spent in {w}
<{w} id="{id}" created="{ts}"><name>{w}</name><count>{n}</count></{w}>
- name: {w}
  image: registry.example.com/{w}:{ver}@sha256:{hex64}
pod/{w}-{hex7}-{nano} Running {n} restarts
Events: Normal Pulled kubelet Container image "{w}:{ver}" already present
module.{w}.aws_instance.web[{n}]: Creation complete after {n}s [id=i-0{hex16}]
arn:aws:lambda:eu-west-1:{id}:function:{w}
projects/acme/locations/eu/{w}/{uuid}
ok {n} - {w} works # time={ms}ms
PASS tests/{w}.test.ts ({n} ms)
FAILED tests/test_{w}.py::test_{w}[{n}] - assert {n} == {n}
Downloading {w}-{ver}-py3-none-any.whl ({n} kB)
[webpack] compiled {n} modules in {n} ms, hash {hex16}
[HMR] Updated modules: ./src/{w}.tsx
mac 00:1b:44:11:3a:b7 v6 2001:db8::{n} ip {ip}:{port}
GET https://api.example.com/v1/{w}?cursor={nano}&limit={n} {st} {ms}ms
redirect to /login?next=%2F{w}%2F{id}%3Fpage%3D{n}
isbn 978-3-16-148410-0 ean 4006381{id}
version {ver}-rc.{n}+build.{hex7} of {w}
memory: {n} MiB of {n} MiB, gc {ms} ms, heap 0x{hex16}
retrying in {n} ms: ECONNRESET {ip}:{port}
cron: next run of {w} at {ts}
user {id} ({w}) opened {w} {uuid}
{"id":"{id16}","type":"{w}","object":"{w}","created":{epoch}}
Set timeout to {n}s; key rotation scheduled for {ts}
W0131 09:30:00.{n} {n} {file}:{n}] {w} is slow
[31-Jan-2026 09:30:00 UTC] PHP Notice: Undefined index: {w} in /var/www/{file} on line {n}
{ts} [{w}-{n}] {lvl} c.a.{w}.Sync - {w} {uuid} done
"""  # noqa: E501 - as long as programs print them


def ordinary_lines(count: int, *, seed: int) -> Iterator[str]:
    """So many lines, always the same for a seed."""
    rng = random.Random(seed)
    templates = [line for line in TEMPLATES.split("\n") if line.strip()]
    for number in range(count):
        template = templates[number % len(templates)]
        yield _PLACE.sub(lambda match: _fill(match, rng), template)


def _fill(match: re.Match[str], rng: random.Random) -> str:
    place = _PLACES.get(match.group(1))
    return place(rng) if place else match.group()
