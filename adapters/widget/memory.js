// What this browser remembers of the chat. One that forbids it gets a chat without a memory: a reload forgets.

export function remembered(key) {
  try {
    return JSON.parse(localStorage.getItem(`shopdesk:${key}`));
  } catch {
    return null;
  }
}

/** Keep a value; null removes it. */
export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(`shopdesk:${key}`);
    else localStorage.setItem(`shopdesk:${key}`, JSON.stringify(value));
  } catch {
    // full or forbidden: nothing to do
  }
}
