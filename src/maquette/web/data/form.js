// The settings of one kind, from the fields that the server lists; what was changed stays when the kind changes.
import { make } from "./elements.js";

const changed = new Map(); // name -> value

export function settings(fields) {
  return Object.fromEntries(fields.filter((f) => changed.has(f.name)).map((f) => [f.name, changed.get(f.name)]));
}

export function formOf(fields) {
  const groups = new Map();
  for (const field of fields) groups.set(field.group, [...(groups.get(field.group) || []), field]);
  const shown = [...groups].map(([title, mine]) => {
    const body = make("fieldset", {}, ...mine.map(row));
    if (!title) return body;
    const fold = make("details", { className: "more" }, make("summary", {}, title), body);
    fold.open = mine.some((field) => changed.has(field.name));
    return fold;
  });
  return [shown[0], make("p", { className: "name" }, "More"), ...shown.slice(1)];
}

function row(field) {
  const box = make("div", { className: "field" }), id = `f-${field.name}`;
  const set = (value) => {
    if (value === field.default) changed.delete(field.name);
    else changed.set(field.name, value);
    box.classList.toggle("changed", changed.has(field.name));
  };
  const value = changed.has(field.name) ? changed.get(field.name) : field.default;
  const name = field.control === "switch" ? CONTROLS.switch(field, id, value, set) : field.control === "several" ? make("span", { className: "name" }, field.label) : make("label", { htmlFor: id }, field.label);
  box.append(name);
  if (field.control !== "switch") box.append(CONTROLS[field.control](field, id, value, set));
  box.append(make("small", { id: `${id}-help` }, field.help.replaceAll("`", "")));
  box.querySelector(`#${id}`)?.setAttribute("aria-describedby", `${id}-help`);
  box.classList.toggle("changed", changed.has(field.name));
  return box;
}

const CONTROLS = {
  switch: (field, id, value, set) => {
    const input = make("input", { type: "checkbox", id, checked: value, onchange: () => set(input.checked) });
    return make("label", { className: "toggle", htmlFor: id }, input, field.label);
  },
  choice: (field, id, value, set) => make("select", { id, onchange: (event) => set(event.target.value) },
    ...field.choices.map((choice) => make("option", { value: choice, selected: choice === value }, choice))),
  several: (field, id, value, set) => {
    const boxes = field.choices.map((choice) => make("input", { type: "checkbox", value: choice, checked: value.split(",").includes(choice), onchange: () => {
      const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
      set(chosen.length ? chosen.join(",") : field.default);
    } }));
    return make("div", { className: "several" }, ...boxes.map((box) => make("label", { className: "toggle" }, box, box.value)));
  },
  number: (field, id, value, set) => {
    const input = make("input", { type: "number", id, value: value ?? "", placeholder: field.may_be_empty ? "not given" : "", onchange: () => {
      if (input.value === "" && field.may_be_empty) return set(null);
      if (!input.reportValidity() || input.value === "") { input.value = field.default ?? ""; return set(field.default); }
      set(Number(input.value));
    } });
    input.step = field.whole ? "1" : "any";
    if (field.low !== undefined) { input.min = field.low; input.max = field.high; }
    return make("div", { className: "entry" }, input, make("span", {}, field.unit || ""));
  },
};
