/** Millrace's version. The number is written only in the manifest of this package. */
import manifest from '../package.json' with { type: 'json' };

export const millraceVersion: string = manifest.version;
