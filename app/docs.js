// Shows the description of the surface that the address names, else of the first one.
const links = [...document.querySelectorAll("[data-surface]")];
const wanted = new URLSearchParams(location.search).get("surface");
const link = links.find((a) => a.dataset.surface === wanted) ?? links[0];
const name = link.dataset.surface;
link.setAttribute("aria-current", "page");
document.title = `Canopy: ${name}`;
SwaggerUIBundle({ url: `/openapi/${name}.yaml`, dom_id: "#viewer", deepLinking: true, validatorUrl: null });
