// Previews on a sample text what the redaction rule in the form would mask, while it is typed.

const preview = document.getElementById("redaction-preview");
const sample = document.getElementById("redaction-sample");
const state = document.getElementById("redaction-state");
const field = (name) => document.getElementById(`id_${name}`);
const watched = ["name", "pattern", "token"].map(field).filter(Boolean);
const PAUSE_MS = 250;
let timer = 0;
let latest = 0;

const show = (id, pieces) => {
  const target = document.getElementById(id);
  target.replaceChildren(
    ...pieces.map((piece) => {
      const node = document.createElement(piece.mask ? "mark" : "span");
      node.textContent = piece.text;
      return node;
    }),
  );
};

const say = (text, kind) => {
  state.textContent = text;
  state.className = `mark ${kind}`;
};

const ask = async () => {
  const turn = ++latest;
  const body = new FormData();
  body.set("sample", sample.value);
  body.set("name", field("name")?.value ?? "");
  body.set("pattern", field("pattern")?.value ?? "");
  if (field("token")?.checked) body.set("token", "on");
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  try {
    const answer = await fetch(preview.dataset.url, {
      method: "POST", body, headers: { "X-CSRFToken": token },
    });
    if (turn !== latest) return;
    if (!answer.ok) throw new Error(answer.statusText);
    const seen = await answer.json();
    show("redaction-alone", seen.alone);
    show("redaction-together", seen.together);
    if (seen.error) say(seen.error, "danger");
    else if (!field("pattern")?.value) say("write a pattern", "");
    else if (seen.hit) say("the rule masks something", "success");
    else say("the rule masks nothing here", "warning");
  } catch (error) {
    if (turn === latest) say(`no preview: ${error.message}`, "danger");
  }
};

const soon = () => {
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE_MS);
};

sample.addEventListener("input", soon);
for (const input of watched) {
  input.addEventListener("input", soon);
  input.addEventListener("change", soon);
}
ask();
