// Requests to the server that the page came from.

const key = document.getElementById("api-key");

function headers() {
  const all = { "content-type": "application/json" };
  if (key.value) all.authorization = `Bearer ${key.value}`;
  return all;
}

/** The answer as JSON; throws what the server says is wrong. */
export async function ask(path, body) {
  const options = body === undefined
    ? { headers: headers() }
    : { method: "POST", headers: headers(), body: JSON.stringify(body) };
  const answer = await fetch(path, options);
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.error?.message ?? answer.statusText);
  return json;
}

/** Calls `take` with each event of a stream. */
export async function stream(path, body, signal, take) {
  const answer = await fetch(path, { method: "POST", headers: headers(), body: JSON.stringify(body), signal });
  if (!answer.ok) throw new Error((await answer.json()).error?.message ?? answer.statusText);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
      const event = JSON.parse(line.slice(6));
      if (event.error) throw new Error(event.error.message);
      take(event);
    }
  }
}

/** An element with text and attributes. */
export function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}
