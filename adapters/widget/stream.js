// Talking to the desk: plain requests, and one reply as a stream of events that survives lost connections.

const WAITS = [400, 800, 1600, 3000, 5000, 8000, 8000];

/** A problem document of the desk (RFC 9457) as an error. */
export class Problem extends Error {
  constructor(document) {
    super(document.detail || document.title || "");
    this.type = (document.type || "").split(":").pop();
    this.status = document.status;
    this.wait = document.wait; // seconds until it is worth another try
  }
}

export class Desk {
  /** `base` is the desk's address, `visitor` the id of this browser. */
  constructor(base, visitor) {
    this.base = base;
    this.visitor = visitor;
  }

  /** A JSON answer, or null where there is none. Throws Problem, or TypeError when the desk cannot be reached. */
  async call(method, path, body) {
    const response = await this.fetch(method, path, body);
    return response.status === 204 || response.status === 202 ? null : response.json();
  }

  async fetch(method, path, body, headers = {}, signal = undefined) {
    // A plain GET needs no leave of the browser's, so that even a page that is not allowed can read why not.
    const named = method === "GET" ? headers : { ...headers, "Shopdesk-Visitor": this.visitor };
    const response = await fetch(this.base + path, {
      method,
      signal,
      headers: body === undefined ? named : { ...named, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (response.ok) return response;
    const document = await response.json().catch(() => ({}));
    throw new Problem({ status: response.status, ...document, wait: Number(response.headers.get("Retry-After")) });
  }

  /**
   * Send a message and hand each event of its reply to `take(name, data, fresh)` until it is done; `fresh` says that
   * what came before is void. A lost connection is taken up again under the same message id, after the last event.
   */
  converse(conversation, message, take, patience) {
    let last = null;
    const path = `/api/conversations/${encodeURIComponent(conversation)}/messages`;
    return this.persist(async (alive) => {
      const response = await this.fetch("POST", path, message, last ? { "Last-Event-ID": last } : {}, patience.signal);
      for await (const event of events(response.body)) {
        const fresh = runOf(event.id) !== runOf(last);
        last = event.id;
        alive();
        if (event.name === "error") throw new Problem(event.data);
        take(event.name, event.data, fresh);
        if (event.name === "done") return;
      }
      throw new TypeError("the stream ended early");
    }, patience);
  }

  /** Hear from the shop's people after the event of that id: `take(name, data)`, until `signal` aborts. */
  async follow(conversation, after, take, signal) {
    const path = `/api/conversations/${encodeURIComponent(conversation)}/events`;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        const response = await this.fetch("GET", path, undefined, after ? { "Last-Event-ID": after } : {}, signal);
        for await (const event of events(response.body)) {
          attempt = 0;
          after = event.id;
          take(event.name, event.data);
        }
      } catch (error) {
        if (error instanceof Problem && error.status < 500) return;
      }
      await pause(WAITS[Math.min(attempt, WAITS.length - 1)], signal);
    }
  }

  /**
   * Do something until it succeeds. `lost(seconds)` is called before each wait, with the desk's own word for how long
   * where it has one; `act` gets a function that says it has got somewhere, after which the patience is whole again.
   * Throws Problem, or the network's error when every attempt failed.
   */
  async persist(act, { lost, signal }) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await act(() => (attempt = 0));
      } catch (error) {
        const passing = error instanceof Problem ? error.wait || error.type === "busy" || error.status === 502 || error.status === 504 : true;
        if (signal.aborted || !passing || attempt >= WAITS.length) throw error;
        lost(error.wait);
        await pause(error.wait ? error.wait * 1000 : WAITS[attempt], signal);
      }
    }
  }
}

function runOf(id) {
  return id ? id.slice(0, id.lastIndexOf("-")) : null;
}

/** The events of a text/event-stream body (HTML Living Standard, section 9.2). */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = { name: "message", id: "", data: "" };
      for (const line of block.split("\n")) {
        const [, field, content] = /^(\w*):? ?(.*)$/.exec(line) || [];
        if (field === "event") event.name = content;
        else if (field === "id") event.id = content;
        else if (field === "data") event.data += content;
      }
      if (event.data) yield { ...event, data: JSON.parse(event.data) };
    }
  }
}

/** Waits, but not once the browser says that the network is back, nor after an abort. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    const now = () => (clearTimeout(timer), resolve());
    addEventListener("online", now, { once: true });
    signal.addEventListener("abort", now, { once: true });
  });
}
