// Shows the description of the surface that the address names, else of the first one.
const names = [...document.querySelectorAll("[data-surface]")].map((a) => a.dataset.surface);
const wanted = new URLSearchParams(location.search).get("surface");
const name = names.includes(wanted) ? wanted : names[0];
SwaggerUIBundle({ url: `/openapi/${name}.yaml`, dom_id: "#viewer", deepLinking: true, validatorUrl: null });
