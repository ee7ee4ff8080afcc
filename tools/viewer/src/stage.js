// The stage: one GLB in three.js, its ways of being shown, and its cameras.
import * as THREE from "three";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";

const CLAY = 0xb9b4ad;
const FOV = 26; // degrees, as a portrait lens

export const MODES = ["texture", "grey", "wireframe", "confidence"];

export class Stage {
  constructor(canvas) {
    this.canvas = canvas;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true, preserveDrawingBuffer: true });
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(FOV, 1, 0.01, 100);
    this.photoCamera = new THREE.Camera();
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enableDamping = true;
    this.controls.zoomToCursor = true;
    this.timer = new THREE.Timer();
    this.mode = "texture";
    this.throughPhoto = false;
    this.lights();
  }

  lights() {
    this.sky = new THREE.HemisphereLight(0xffffff, 0x9a938c, 1.9);
    this.key = new THREE.DirectionalLight(0xffffff, 1.5);
    this.rim = new THREE.DirectionalLight(0xdfe8ff, 0.6);
    this.flat = new THREE.AmbientLight(0xffffff, Math.PI);
    this.scene.add(this.sky, this.key, this.rim, this.flat);
    this.light(-35);
  }

  // The main light at an angle (degrees) around the subject.
  light(angle) {
    const turn = (angle * Math.PI) / 180;
    this.key.position.set(Math.sin(turn) * 2, 1.6, Math.cos(turn) * 2);
    this.rim.position.set(-Math.sin(turn) * 2, 1.0, -Math.cos(turn) * 2);
  }

  async load(bytes) {
    const file = await new GLTFLoader().parseAsync(bytes, "");
    this.root = file.scene;
    this.clips = file.animations;
    this.mixer = new THREE.AnimationMixer(this.root);
    this.meshes = [];
    this.targets = new Map(); // unit -> [[mesh, place], ...]
    this.parts = new Map(); // name of a node below the root -> object
    this.root.traverse((object) => {
      if (!object.isMesh) return;
      object.frustumCulled = false;
      this.meshes.push({ mesh: object, own: object.material, other: {} });
      for (const [name, place] of Object.entries(object.morphTargetDictionary || {})) {
        if (!this.targets.has(name)) this.targets.set(name, []);
        this.targets.get(name).push([object, place]);
      }
    });
    this.scene.add(this.root);
    const top = this.root.children.length === 1 ? this.root.children[0] : this.root;
    for (const child of top.children) {
      let shown = false;
      child.traverse((object) => (shown ||= object.isMesh));
      if (shown) this.parts.set(child.name || "mesh", child);
    }
    this.eyes = ["eyeLeft", "eyeRight"].map((name) => this.root.getObjectByName(name)).filter(Boolean);
    this.box = new THREE.Box3().setFromObject(this.root, true);
    this.frame(0, 0);
  }

  // Look at all of the subject from a side: degrees to the viewer's right, and up.
  frame(yaw, pitch) {
    const centre = this.box.getCenter(new THREE.Vector3());
    const size = this.box.getSize(new THREE.Vector3());
    const aspect = this.camera.aspect || 1;
    const half = Math.tan((FOV * Math.PI) / 360);
    const wide = Math.hypot(size.x, size.z) / aspect;
    const distance = (Math.max(size.y, wide) / 2 / half) * 1.12 + size.z / 4;
    const a = (yaw * Math.PI) / 180, b = (pitch * Math.PI) / 180;
    const from = new THREE.Vector3(Math.sin(a) * Math.cos(b), Math.sin(b), Math.cos(a) * Math.cos(b));
    this.camera.position.copy(centre).addScaledVector(from, distance);
    this.camera.near = distance / 100;
    this.camera.far = distance * 20;
    this.controls.target.copy(centre);
    this.controls.minDistance = distance / 12;
    this.controls.maxDistance = distance * 4;
    this.controls.update();
  }

  // The camera that took the photo: OpenCV's axes and pixels to those of WebGL.
  photo(taken) {
    const [w, h] = taken.size, k = taken.intrinsics;
    const flip = new THREE.Matrix4().makeScale(1, -1, -1);
    const view = new THREE.Matrix4().set(...taken.world_to_camera.flat());
    this.photoCamera.matrixAutoUpdate = false;
    this.photoCamera.matrix.copy(view).invert().multiply(flip);
    this.photoCamera.matrix.decompose(
      this.photoCamera.position, this.photoCamera.quaternion, this.photoCamera.scale);
    const depth = this.box.getCenter(new THREE.Vector3()).applyMatrix4(view).z;
    const reach = this.box.getSize(new THREE.Vector3()).length();
    const near = Math.max(depth - reach, depth / 50), far = depth + reach;
    const x = (2 * k[0][0]) / w, y = (2 * k[1][1]) / h, s = (2 * k[0][1]) / w;
    const cx = 1 - (2 * k[0][2]) / w, cy = (2 * k[1][2]) / h - 1;
    const span = far - near;
    if (taken.projection === "orthographic") {
      this.photoCamera.projectionMatrix.set(
        x, s, 0, -cx, 0, y, 0, -cy, 0, 0, -2 / span, -(far + near) / span, 0, 0, 0, 1);
    } else {
      this.photoCamera.projectionMatrix.set(
        x, s, cx, 0, 0, y, cy, 0, 0, 0, -(far + near) / span, (-2 * far * near) / span, 0, 0, -1, 0);
    }
    this.photoCamera.updateMatrixWorld(true);
    this.photoCamera.projectionMatrixInverse.copy(this.photoCamera.projectionMatrix).invert();
  }

  resize(width, height) {
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / Math.max(height, 1);
    this.camera.updateProjectionMatrix();
  }

  unit(name, weight) {
    for (const [mesh, place] of this.targets.get(name) || []) mesh.morphTargetInfluences[place] = weight;
  }

  // Both eyes, degrees: to the viewer's right, and up.
  gaze(right, up) {
    for (const eye of this.eyes) eye.rotation.set((-up * Math.PI) / 180, (right * Math.PI) / 180, 0, "YXZ");
  }

  show(mode, confidence) {
    this.mode = mode;
    for (const entry of this.meshes) entry.mesh.material = this.material(entry, mode, confidence);
  }

  material(entry, mode, confidence) {
    if (mode === "texture") return entry.own;
    if (!entry.other[mode]) entry.other[mode] = this.made(entry.own, mode, confidence);
    return entry.other[mode];
  }

  made(own, mode, confidence) {
    const shared = { side: own.side, normalMap: own.normalMap, normalScale: own.normalScale };
    if (own.alphaTest || own.transparent) {
      // Cards keep their outline: the picture is read for its opacity alone.
      Object.assign(shared, { alphaTest: Math.max(own.alphaTest, 0.3), map: own.map });
    }
    if (mode === "wireframe") {
      return new THREE.MeshBasicMaterial({ wireframe: true, color: 0x5b9bd5, transparent: true, opacity: 0.55 });
    }
    if (mode === "confidence" && own.name === "skin" && confidence) {
      return new THREE.MeshStandardMaterial({ side: own.side, map: confidence, roughness: 1, metalness: 0 });
    }
    const clay = new THREE.MeshStandardMaterial({ ...shared, color: CLAY, roughness: 0.85, metalness: 0 });
    if (shared.map) {
      clay.onBeforeCompile = (shader) => {
        shader.fragmentShader = shader.fragmentShader.replace(
          "#include <map_fragment>", "diffuseColor.a *= texture2D( map, vMapUv ).a;");
      };
    }
    return clay;
  }

  play(clip) {
    this.mixer.stopAllAction();
    this.playing = clip || null;
    if (clip) this.mixer.clipAction(clip).reset().play();
  }

  draw(still = false) {
    this.timer.update();
    const step = this.timer.getDelta();
    if (this.playing && !still) this.mixer.update(step);
    this.controls.update(step);
    this.flat.visible = this.throughPhoto && this.mode === "texture";
    this.sky.visible = this.key.visible = this.rim.visible = !this.flat.visible;
    this.renderer.render(this.scene, this.throughPhoto ? this.photoCamera : this.camera);
  }
}
