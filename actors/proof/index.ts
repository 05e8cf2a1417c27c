// Law: the door of the proof room: making certificate files and checking them offline.
export { buildCertificateFile } from './build.ts';
export { type About, certificateFileMaxBytes } from './file.ts';
export { type Verification, type VerifyOptions, verifyCertificateFile } from './verify.ts';
