import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'microsoft-edge'];
const mac_programs = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium'];

/** What a person does when there is no browser; the reason of a skipped browser test. */
export const chromium_advice =
  'no Chromium found: install it (Debian, Ubuntu: apt-get install chromium; macOS: brew install --cask chromium) or set HELIU_CHROMIUM';

/** The Chromium of this machine: the one that HELIU_CHROMIUM names, or the first in the path. */
export function findChromium(environment: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  if (environment.HELIU_CHROMIUM) return environment.HELIU_CHROMIUM;
  const directories = (environment.PATH ?? '').split(delimiter);
  return [...directories.flatMap((directory) => names.map((name) => join(directory, name))), ...mac_programs].find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
