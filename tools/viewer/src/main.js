// One result, shown: reads the data in the page, builds stage and panel, answers the address's #settings.
import * as THREE from "three";
import { MODES, Stage } from "./stage.js";
import { LOOKS, choice, grouped, make, section, slider, toggle } from "./panel.js";

const data = JSON.parse(document.getElementById("data").textContent);
const view = document.getElementById("view"), canvas = document.getElementById("canvas");
const photo = document.getElementById("photo"), cut = document.getElementById("cut"), panel = document.getElementById("panel");
const state = { mode: "texture", photo: false, compare: 0.5, turn: false, right: 0, up: 0, weights: {} };
const controls = { units: new Map(), parts: {} };
let stage, confidence;

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;

function failed(text) {
  document.body.dataset.failed = "1";
  view.replaceChildren(make("p", { className: "failed" }, text));
}

function setUnit(name, weight) {
  state.weights[name] = weight;
  stage.unit(name, weight);
  controls.units.get(name)?.set(weight);
}

function setLook(weights) {
  stop();
  for (const name of stage.targets.keys()) setUnit(name, weights[name] || 0);
}

function setGaze(right, up) {
  Object.assign(state, { right, up });
  stage.gaze(right, up);
  controls.right?.set(right);
  controls.up?.set(up);
}

function setPart(name, on) {
  stage.parts.get(name).visible = on;
  if (controls.parts[name]) controls.parts[name].box.checked = on;
}

function setMode(mode) {
  state.mode = mode;
  stage.show(mode, confidence);
  controls.mode.mark(mode);
  document.getElementById("key").hidden = mode !== "confidence" || !confidence;
}

function setPhoto(on) {
  state.photo = on && Boolean(data.photo);
  stage.throughPhoto = state.photo;
  view.classList.toggle("through", state.photo);
  if (state.photo) {
    setLook(data.photo.weights || {});
    setGaze(...(data.photo.gaze || [0, 0]));
  }
  controls.photo && (controls.photo.box.checked = state.photo);
  resize();
}

function setCompare(share) {
  state.compare = Math.min(1, Math.max(0, share));
  view.style.setProperty("--share", String(state.compare));
  cut.setAttribute("aria-valuenow", String(Math.round(state.compare * 100)));
}

function stop() {
  if (!stage.playing) return;
  stage.play(null);
  controls.clips?.forEach((button) => button.setAttribute("aria-pressed", "false"));
}

function play(clip, button) {
  const again = stage.playing === clip;
  stop();
  if (again) return;
  setPhoto(false);
  stage.play(clip);
  button?.setAttribute("aria-pressed", "true");
}

function resize() {
  let width = view.clientWidth, height = view.clientHeight, left = 0, top = 0;
  if (state.photo) {
    const [w, h] = data.photo.camera.size, scale = Math.min(width / w, height / h);
    left = (width - w * scale) / 2; top = (height - h * scale) / 2;
    width = w * scale; height = h * scale;
  }
  for (const [name, value] of [["left", left], ["top", top], ["width", width], ["height", height]]) {
    view.style.setProperty(`--${name}`, `${value}px`);
  }
  stage.resize(width, height);
  stage.draw(true);
}

async function coloured(text) {
  // What a photo shows is teal, what was invented is orange, so that nobody takes one for the other.
  const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${text}`)).blob());
  const sheet = make("canvas", { width: picture.width, height: picture.height }), pen = sheet.getContext("2d");
  pen.drawImage(picture, 0, 0);
  const pixels = pen.getImageData(0, 0, sheet.width, sheet.height), low = [222, 132, 62], high = [58, 158, 148];
  for (let i = 0; i < pixels.data.length; i += 4) {
    const share = pixels.data[i] / 255;
    for (let c = 0; c < 3; c++) pixels.data[i + c] = low[c] + (high[c] - low[c]) * share;
  }
  pen.putImageData(pixels, 0, 0);
  const texture = new THREE.CanvasTexture(sheet);
  texture.flipY = false;
  texture.colorSpace = THREE.SRGBColorSpace;
  return texture;
}

function expressionSection() {
  const names = [...stage.targets.keys()];
  if (!names.length) return [];
  const looks = Object.entries(LOOKS).filter(([, w]) => !Object.keys(w).length || Object.keys(w).some((n) => stage.targets.has(n)));
  const buttons = looks.map(([name, weights]) => make("button", { type: "button", onclick: () => setLook(weights) }, name));
  if (data.photo?.weights) buttons.push(make("button", { type: "button", onclick: () => setLook(data.photo.weights) }, "As in the photo"));
  const find = make("input", { type: "search", placeholder: `Search ${names.length} movements`, oninput: () => {
    for (const [name, one] of controls.units) one.row.hidden = !one.row.textContent.includes(find.value.trim().toLowerCase()) && !name.includes(find.value.trim());
    list.querySelectorAll("fieldset").forEach((g) => (g.hidden = ![...g.querySelectorAll(".slider")].some((r) => !r.hidden)));
  } });
  const list = make("div", { className: "units" }, ...grouped(names).map(([title, units]) => make("fieldset", {}, make("legend", {}, title),
    ...units.map(([name, label]) => {
      const one = slider(name, label, 0, 1, 0.01, state.weights[name], (weight) => { stop(); state.weights[name] = weight; stage.unit(name, weight); });
      controls.units.set(name, one);
      return one.row;
    }))));
  return [section("Expression", true, make("div", { className: "buttons" }, ...buttons), find, list)];
}

function gazeSection() {
  if (!stage.eyes.length) return [];
  controls.right = slider("right", "to the right", -30, 30, 1, 0, (v) => { stop(); setGaze(v, state.up); });
  controls.up = slider("up", "up", -25, 25, 1, 0, (v) => { stop(); setGaze(state.right, v); });
  return [section("Gaze, degrees", false, controls.right.row, controls.up.row)];
}

function showSection() {
  controls.mode = choice(MODES.filter((m) => m !== "confidence" || confidence),
    ["Texture", "Grey", "Wires", "Real or guessed"], state.mode, setMode);
  const rows = [controls.mode.row];
  if (data.photo) {
    controls.photo = toggle("Over the photo", false, setPhoto);
    rows.push(controls.photo.row);
  }
  for (const name of stage.parts.keys()) {
    if (stage.parts.size > 1 && name !== "skin" && !name.startsWith("eye")) {
      controls.parts[name] = toggle(name[0].toUpperCase() + name.slice(1), true, (on) => setPart(name, on));
      rows.push(controls.parts[name].row);
    }
  }
  rows.push(toggle("Turn", false, (on) => { stage.controls.autoRotate = on; if (on) setPhoto(false); }).row);
  rows.push(slider("light", "light from", -180, 180, 1, -35, (v) => stage.light(v)).row);
  const sides = [["Front", 0], ["Left", 90], ["Back", 180], ["Right", -90]];
  rows.push(make("div", { className: "buttons" }, ...sides.map(([name, yaw]) => make("button", { type: "button", onclick: () => { setPhoto(false); stage.frame(yaw, 0); } }, name)),
    make("button", { type: "button", onclick: picture }, "Save picture")));
  return section("Show", true, ...rows);
}

function motionSection() {
  if (!stage.clips.length) return [];
  controls.clips = stage.clips.map((clip) => {
    const button = make("button", { type: "button", onclick: () => play(clip, button) }, `Play ${clip.name} (${clip.duration.toFixed(1)} s)`);
    return button;
  });
  return [section("Motion", true, make("div", { className: "buttons" }, ...controls.clips))];
}

function factsSection() {
  const rows = [];
  if (data.warnings.length) rows.push(section(`Warnings (${data.warnings.length})`, true, make("ul", {}, ...data.warnings.map((w) => make("li", {}, w)))));
  const facts = Object.entries(data.facts);
  if (facts.length) rows.push(section("Facts", false, make("dl", {}, ...facts.flatMap(([k, v]) => [make("dt", {}, k), make("dd", {}, v)]))));
  return rows;
}

function picture() {
  stage.draw(true);
  make("a", { href: canvas.toDataURL("image/png"), download: `${data.name}.png` }).click();
}

function asked() {
  const wanted = new URLSearchParams(location.hash.slice(1)), number = (name, other) => Number(wanted.get(name) ?? other);
  for (const [name, value] of wanted) {
    if (stage.targets.has(name)) setUnit(name, Number(value));
    if (stage.parts.has(name)) setPart(name, value !== "0");
  }
  if (MODES.includes(wanted.get("mode"))) setMode(wanted.get("mode"));
  if (wanted.has("yaw") || wanted.has("pitch")) stage.frame(number("yaw", 0), number("pitch", 0));
  if (wanted.has("right") || wanted.has("up")) setGaze(number("right", 0), number("up", 0));
  if (wanted.get("photo") === "1") setPhoto(true);
  if (wanted.has("compare")) setCompare(number("compare", 0.5));
  if (wanted.get("turn") === "1") stage.controls.autoRotate = true;
}

async function begin() {
  document.title = `${data.name} - maquette`;
  try {
    stage = new Stage(canvas);
  } catch {
    return failed("This browser cannot draw in 3D (no WebGL). The files beside this page open in any 3D program.");
  }
  await stage.load(bytes(data.glb));
  for (const [name, [[mesh, place]]] of stage.targets) state.weights[name] = mesh.morphTargetInfluences[place];
  if (data.confidence) confidence = await coloured(data.confidence);
  panel.append(make("header", {}, make("h1", {}, data.name), make("p", {}, data.subtitle)),
    showSection(), ...motionSection(), ...expressionSection(), ...gazeSection(), ...factsSection());
  if (data.photo) {
    photo.src = `data:image/jpeg;base64,${data.photo.picture}`;
    stage.photo(data.photo.camera);
  }
  setCompare(0.5);
  cut.addEventListener("pointerdown", (e) => { cut.setPointerCapture(e.pointerId); e.preventDefault(); });
  cut.addEventListener("pointermove", (e) => {
    if (!cut.hasPointerCapture(e.pointerId)) return;
    const box = canvas.getBoundingClientRect();
    setCompare((e.clientX - box.left) / box.width);
  });
  cut.addEventListener("keydown", (e) => {
    if (e.key === "ArrowLeft") setCompare(state.compare - 0.02);
    if (e.key === "ArrowRight") setCompare(state.compare + 0.02);
  });
  document.getElementById("fold").addEventListener("click", () => { document.body.classList.toggle("folded"); resize(); });
  new ResizeObserver(resize).observe(view);
  resize();
  stage.frame(0, 0);
  const moving = stage.clips.findIndex((clip) => clip.name !== "demo");
  if (moving >= 0 && !location.hash) play(stage.clips[moving], controls.clips[moving]);
  asked();
  window.addEventListener("hashchange", asked);
  stage.renderer.setAnimationLoop(() => stage.draw());
  stage.draw(true);
  document.body.dataset.ready = "1";
}

begin().catch((error) => failed(`The model in this page could not be read: ${error.message}`));
