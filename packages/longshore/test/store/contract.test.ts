import { openStore } from '../../src/store/index.ts';
import { POOLED_NAMES } from '../../src/store/nameIo.ts';
import { testStoreContract } from './contract.ts';
import { makeFolder } from './support.ts';

testStoreContract('local', async () => {
  const folder = await makeFolder();
  return { open: () => openStore(folder.path), remove: () => folder[Symbol.asyncDispose]() };
});

testStoreContract('local, writing asynchronously', async () => {
  const folder = await makeFolder();
  return {
    open: () => openStore(folder.path, { asyncWrites: true }),
    remove: () => folder[Symbol.asyncDispose](),
  };
});

testStoreContract('local, shared by a group', async () => {
  const folder = await makeFolder();
  return {
    open: () => openStore(folder.path, { groupShared: true }),
    remove: () => folder[Symbol.asyncDispose](),
  };
});

testStoreContract('local, as across a network', async () => {
  const folder = await makeFolder();
  return {
    open: () => openStore(folder.path, { names: POOLED_NAMES }),
    remove: () => folder[Symbol.asyncDispose](),
  };
});
