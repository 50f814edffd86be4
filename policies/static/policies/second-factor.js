// Adds a passkey, or confirms with one: what the browser answers goes into the form as JSON.
//
// The server's options and the browser's answer have bytes as base64url text.

const bytes = (text) => {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
};
const text = (buffer) => {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('');
  return btoa(letters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
};
const credential = (each) => ({ ...each, id: bytes(each.id) });

function toAdd({ publicKey }) {
  return {
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      user: { ...publicKey.user, id: bytes(publicKey.user.id) },
      excludeCredentials: (publicKey.excludeCredentials ?? []).map(credential),
    },
  };
}

function toUse({ publicKey }) {
  return {
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      allowCredentials: (publicKey.allowCredentials ?? []).map(credential),
    },
  };
}

function answered(made) {
  const response = {};
  for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (made.response[name]) response[name] = text(made.response[name]);
  }
  if (made.response.getTransports) response.transports = made.response.getTransports();
  return {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    authenticatorAttachment: made.authenticatorAttachment ?? null,
    clientExtensionResults: made.getClientExtensionResults(),
    response,
  };
}

function say(message) {
  const line = document.getElementById('passkey-error');
  line.textContent = message;
  line.hidden = false;
}

function serve(form, ask) {
  form?.addEventListener('submit', async (event) => {
    event.preventDefault();
    const options = JSON.parse(document.getElementById('passkey-options').textContent);
    const button = form.querySelector('button');
    button.disabled = true;
    try {
      const made = await ask(options);
      form.elements.credential.value = JSON.stringify(answered(made));
      form.submit();
    } catch (error) {
      button.disabled = false;
      const cancelled = error.name === 'NotAllowedError';
      say(cancelled ? 'No passkey answered. Try again, or use another factor.' : `The browser says: ${error.message}`);
    }
  });
}

if (window.PublicKeyCredential) {
  serve(document.getElementById('add-passkey'), (options) => navigator.credentials.create(toAdd(options)));
  serve(document.getElementById('use-passkey'), (options) => navigator.credentials.get(toUse(options)));
} else {
  for (const form of document.querySelectorAll('#add-passkey, #use-passkey')) {
    form.querySelector('button').disabled = true;
    say('This browser has no passkeys here: they need https and a host name.');
  }
}
