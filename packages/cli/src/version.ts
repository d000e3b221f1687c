/** Millrace's version. Only the package's manifest contains the number. */
import manifest from '../package.json' with { type: 'json' };

export const millraceVersion: string = manifest.version;
