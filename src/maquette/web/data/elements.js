// Elements and words. Text from files and servers enters the page as text only, never as markup.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const DRAWINGS = {
  face: "M12 3c4.4 0 7 3 7 7.5S16 21 12 21s-7-6-7-10.5S7.600 3 12 3ZM9 11v.5M15 11v.5M9.500 16c1.600 1 3.400 1 5 0",
  together: "M9 4c3 0 5 2.300 5 5.600S12 18 9 18s-5-5-5-8.400S6 4 9 4ZM14.500 6.500c3-.6 5.500 1.500 5.500 5 0 3.600-2 8.500-5 8.500-.9 0-1.700-.4-2.400-1.100",
  person: "M12 3a2.700 2.700 0 1 1 0 5.400A2.700 2.700 0 0 1 12 3ZM6 12c1.500-1.500 3.500-2 6-2s4.500.5 6 2M9 10.500V22M15 10.500V22M9 16h6",
  pet: "M5 4l4 3.200c2-.6 4-.6 6 0L19 4v9c0 4-3 7-7 7s-7-3-7-7ZM9 12v.5M15 12v.5M12 15v1M10.500 17.200c1-.3 1.500-.6 1.500-1.200 0 .6.500.9 1.500 1.200",
  clip: "M4 6h16v12H4ZM10 9.200v5.600l5-2.800Z",
  clipface: "M10 4c3.300 0 5.500 2.400 5.500 6S13.500 19 10 19s-5.500-5.400-5.500-9S6.700 4 10 4ZM8 10v.5M12 10v.5M8.500 14.500c1 .6 2 .6 3 0M18.500 8.500c1 2 1 4.500 0 6.500M20.800 7c1.600 3 1.600 6.500 0 9.500",
};

export function drawing(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", DRAWINGS[name] || DRAWINGS.face);
  svg.append(path);
  return svg;
}

export function bytes(count) {
  return count < 1e6 ? `${Math.max(1, Math.round(count / 1e3))} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

export function seconds(count) {
  return count < 90 ? `${Math.round(count)} s` : `${Math.floor(count / 60)} min ${Math.round(count % 60)} s`;
}

// One request; an error is thrown as the one line that the server says.
export async function ask(path, method = "GET", body = undefined) {
  const answer = await fetch(path, { method, body: body && JSON.stringify(body), headers: body ? { "Content-Type": "application/json" } : {} })
    .catch(() => { throw new Error("The server does not answer. Is it still running?"); });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error || `The server could not do that (${answer.status}).`);
  return said;
}

export function sent(file, progressed) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/uploads?name=${encodeURIComponent(file.name)}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => progressed(event.loaded / event.total);
    request.onload = () => (request.status === 201 ? resolve(request.response) : reject(new Error(request.response?.error || `${file.name} could not be sent.`)));
    request.onerror = () => reject(new Error(`${file.name} could not be sent. Is the server still running?`));
    request.send(file);
  });
}
