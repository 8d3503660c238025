// Shows the document of the API. "Authorize" signs in: a user name and a password of the sandbox
// (`perisai status` shows them), or a token that an app got for a one-time code.
window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#reference",
    deepLinking: true,
    displayRequestDuration: true,
    docExpansion: "none",
    filter: true,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
});
