// What this browser remembers of the chat. One that forbids it gets a chat without a memory: a reload forgets.

/** The value kept under a key, or null; `where` is "localStorage", or "sessionStorage" for this tab alone. */
export function remembered(key, where = "localStorage") {
  try {
    return JSON.parse(window[where].getItem(`shopdesk:${key}`));
  } catch {
    return null;
  }
}

/** Keep a value; null removes it. */
export function remember(key, value, where = "localStorage") {
  try {
    if (value === null) window[where].removeItem(`shopdesk:${key}`);
    else window[where].setItem(`shopdesk:${key}`, JSON.stringify(value));
  } catch {
    // full or forbidden: nothing to do
  }
}

/** Who is visiting: a random id of this browser, made at the first need. It is no cookie, so no third-party one either. */
export function visitor() {
  const known = remembered("visitor");
  if (known) return known;
  const made = newId();
  remember("visitor", made);
  return made;
}

/** 128 random bits in hexadecimal. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
