// Mouse, pen and fingers on the stage: drawing is the tool's; zoom, pan, window and level are the same in all tools.

const GREYS = 0.5; // grey values a CSS pixel of a drag changes level or width by

export class Pointers {
  constructor(tool) {
    this.tool = tool;
    this.stage = tool.stage;
    this.active = new Map(); // fingers, by their id
    this.doing = null; // "draw", "pan", "level", "pinch"
    this.isSpaceDown = false;
    const listen = (type, how, options) =>
      this.stage.addEventListener(type, (event) => this.tool.isLoaded && how.call(this, event), options);
    listen("pointerdown", this.down);
    listen("pointermove", this.move);
    listen("pointerup", this.up);
    listen("pointercancel", this.up);
    listen("wheel", this.wheel, { passive: false });
    this.stage.addEventListener("contextmenu", (event) => event.preventDefault());
    listen("dblclick", (event) => event.button === 0 && this.tool.twice?.(this.point(event), event));
    window.addEventListener("keydown", (event) => this.space(event, true));
    window.addEventListener("keyup", (event) => this.space(event, false));
    window.addEventListener("blur", () => (this.isSpaceDown = false));
  }

  space(event, isDown) {
    if (event.key === "Tab") delete this.stage.dataset.byPointer;
    if (event.key !== " " || (isDown && !this.tool.hears(event))) return;
    this.isSpaceDown = isDown;
    this.stage.dataset.cursor = isDown ? "pan" : "";
    if (isDown) event.preventDefault(); // no scrolling
  }

  /** Where an event is, on the stage and in the picture. */
  point(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    const at = { stageX: event.clientX - left, stageY: event.clientY - top };
    return { ...at, ...this.tool.view.toNatural(at.stageX, at.stageY), isTouch: event.pointerType === "touch" };
  }

  down(event) {
    this.stage.dataset.byPointer = ""; // no ring around the picture for those who see where they point
    this.stage.focus({ preventScroll: true });
    this.stage.setPointerCapture(event.pointerId);
    this.active.set(event.pointerId, this.point(event));
    if (this.active.size === 2) {
      if (this.doing === "draw") this.tool.cancel();
      this.doing = "pinch";
    } else if (this.doing === null) {
      this.doing = event.button === 1 || (event.button === 0 && this.isSpaceDown) ? "pan" : event.button === 2 ? "level" : "draw";
      if (this.doing === "draw") this.tool.down(this.point(event), event);
      else this.stage.dataset.cursor = this.doing;
    }
    event.preventDefault();
  }

  move(event) {
    const point = this.point(event);
    const before = this.active.get(event.pointerId);
    if (!before) {
      this.stage.dataset.cursor = this.isSpaceDown ? "pan" : this.tool.cursorAt(point, event);
      this.tool.hover?.(point);
      return;
    }
    if (event.pointerType === "mouse" && event.buttons === 0) return void this.up(event); // let go where no event came from
    if (this.doing === "draw") this.tool.move(point, event);
    if (this.doing === "level") this.tool.level((point.stageY - before.stageY) * GREYS, (point.stageX - before.stageX) * GREYS * 2);
    if (this.doing === "pan") this.tool.view.pan(point.stageX - before.stageX, point.stageY - before.stageY);
    if (this.doing === "pinch") this.pinch(event.pointerId, before, point);
    this.active.set(event.pointerId, point);
    if (this.doing === "pan" || this.doing === "pinch") this.tool.draw();
  }

  pinch(id, before, point) {
    const other = [...this.active].find(([each]) => each !== id)?.[1];
    if (!other) return;
    const apart = (a) => Math.hypot(a.stageX - other.stageX, a.stageY - other.stageY) || 1;
    this.tool.view.pan((point.stageX - before.stageX) / 2, (point.stageY - before.stageY) / 2);
    this.tool.view.zoom(apart(point) / apart(before), (point.stageX + other.stageX) / 2, (point.stageY + other.stageY) / 2);
  }

  up(event) {
    if (!this.active.delete(event.pointerId)) return;
    if (this.doing === "draw") {
      if (event.type === "pointercancel") this.tool.cancel();
      else this.tool.up(this.point(event), event);
    }
    if (this.active.size === 0) {
      this.doing = null;
      this.stage.dataset.cursor = this.isSpaceDown ? "pan" : "";
    }
  }

  wheel(event) {
    event.preventDefault();
    const { stageX, stageY } = this.point(event);
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.tool.view.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), stageX, stageY);
    this.tool.draw();
  }
}
