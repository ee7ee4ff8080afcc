// The panel: sliders, toggles and facts. Text from files enters the page as text only, never as markup.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function section(title, open, ...children) {
  return make("details", { open }, make("summary", {}, title), make("div", { className: "body" }, ...children));
}

export function slider(name, label, low, high, step, value, changed) {
  const out = make("output", {}, value.toFixed(2));
  const input = make("input", { type: "range", min: low, max: high, step, value, id: `s-${name}` });
  const tell = () => { out.textContent = Number(input.value).toFixed(step < 1 ? 2 : 0); };
  input.addEventListener("input", () => { tell(); changed(Number(input.value)); });
  const row = make("label", { className: "slider", htmlFor: `s-${name}` }, make("span", {}, label), input, out);
  tell();
  return { row, name, set(to) { input.value = to; tell(); }, get: () => Number(input.value) };
}

export function choice(names, labels, chosen, changed) {
  const buttons = names.map((name, k) => make("button", { type: "button", onclick: () => changed(name) }, labels[k]));
  const mark = (name) => buttons.forEach((b, k) => b.setAttribute("aria-pressed", String(names[k] === name)));
  mark(chosen);
  return { row: make("div", { className: "choice", role: "group" }, ...buttons), mark };
}

export function toggle(label, on, changed) {
  const box = make("input", { type: "checkbox", checked: on, onchange: () => changed(box.checked) });
  return { row: make("label", { className: "toggle" }, box, make("span", {}, label)), box };
}

const words = (name) => name.replace(/([A-Z])/g, " $1").toLowerCase();
const GROUPS = [
  ["Brows", /^brow/], ["Eyes", /^eye/], ["Cheeks and nose", /^(cheek|nose)/], ["Jaw and tongue", /^(jaw|tongue)/],
  ["Mouth", /^mouth/], ["Ears", /^ear/],
];

// Units by the part of the face that they move: [[title, [[name, words], ...]], ...].
export function grouped(names) {
  const left = new Set(names);
  const groups = GROUPS.map(([title, pattern]) => {
    const mine = names.filter((name) => left.has(name) && pattern.test(name));
    mine.forEach((name) => left.delete(name));
    return [title, mine.map((name) => [name, words(name)])];
  });
  groups.push(["Other", [...left].map((name) => [name, words(name)])]);
  return groups.filter(([, mine]) => mine.length);
}

export const LOOKS = {
  "Neutral": {},
  "Smile": { mouthSmileLeft: 0.85, mouthSmileRight: 0.85, cheekSquintLeft: 0.6, cheekSquintRight: 0.6, eyeSquintLeft: 0.3, eyeSquintRight: 0.3 },
  "Surprise": { browInnerUp: 0.9, browOuterUpLeft: 0.8, browOuterUpRight: 0.8, eyeWideLeft: 0.7, eyeWideRight: 0.7, jawOpen: 0.55, browUp: 0.9 },
  "Frown": { browDownLeft: 0.9, browDownRight: 0.9, mouthFrownLeft: 0.6, mouthFrownRight: 0.6, noseSneerLeft: 0.3, noseSneerRight: 0.3 },
  "Shut eyes": { eyeBlinkLeft: 1, eyeBlinkRight: 1 },
  "Open mouth": { jawOpen: 1 },
};
