// Loads the app. Trunk writes the hashed names into this script's element.
const { js, wasm } = document.querySelector("script[data-js]").dataset;
try {
  const { default: init } = await import(js);
  await init({ module_or_path: wasm });
} catch (error) {
  console.error(error);
  const boot = document.getElementById("boot");
  if (boot) boot.dataset.state = "failed";
}
