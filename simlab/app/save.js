// Put the pictures of the page, as they stand, into one file, and hand it to the reader.
// pictures: their models; format: "png" or "svg". Nothing leaves the machine.
const layers = pictures.map((model) => {
  const view = Bokeh.index.find_one(model);
  return {box: view.el.getBoundingClientRect(), layer: view.export(format, true)};
});
const left = Math.min(...layers.map(({box}) => box.left));
const top = Math.min(...layers.map(({box}) => box.top));
const width = Math.max(...layers.map(({box}) => box.right)) - left;
const height = Math.max(...layers.map(({box}) => box.bottom)) - top;
const hand_over = (blob) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `on_the_screen.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
if (format === "png") {
  const ratio = layers[0].layer.pixel_ratio;
  const sheet = document.createElement("canvas");
  sheet.width = width * ratio;
  sheet.height = height * ratio;
  const ink = sheet.getContext("2d");
  ink.fillStyle = "white";
  ink.fillRect(0, 0, sheet.width, sheet.height);
  for (const {box, layer} of layers) {
    ink.drawImage(layer.canvas, (box.left - left) * ratio, (box.top - top) * ratio);
  }
  sheet.toBlob(hand_over);
} else {
  const space = "http://www.w3.org/2000/svg";
  const sheet = document.createElementNS(space, "svg");
  for (const [name, value] of Object.entries({width, height})) { sheet.setAttribute(name, value); }
  for (const {box, layer} of layers) {
    layer.canvas.setAttribute("x", box.left - left);
    layer.canvas.setAttribute("y", box.top - top);
    sheet.appendChild(layer.canvas);
  }
  const text = new XMLSerializer().serializeToString(sheet);
  hand_over(new Blob([text], {type: "image/svg+xml"}));
}
