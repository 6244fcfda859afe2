// Brings the components of GOV.UK Frontend to life.
import { initAll } from "/static/vendor/govuk-frontend.min.js";

initAll();
