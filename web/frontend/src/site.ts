/** The script of all server-made pages: partial updates, and the components that need one. */
import "./styles/site-pages.css";
import { installDialogs } from "./islands/dialogs";
import { mount } from "./islands/mount";
import { installShell } from "./islands/shell";
import { installSiteKey } from "./islands/site-key";
import { installUpdates } from "./islands/updates";

installShell();
installDialogs();
installUpdates(mount);
installSiteKey();
