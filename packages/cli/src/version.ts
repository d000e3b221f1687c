/** Millrace's version. The package's manifest holds it; no other file of the code writes the number. */
import manifest from '../package.json' with { type: 'json' };

export const millraceVersion: string = manifest.version;
