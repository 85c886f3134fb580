import { type Agent, type buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { ProxyServer } from './proxy.ts';
import { proxyError, proxyRefusal } from './proxyError.ts';

/**
 * Tunnels for `https://`, and requests handed on for `http://`. What fails before a tunnel stands
 * is told as the proxy's failure; in the tunnel it is the registry's.
 */
export function createProxyAgent(
  proxy: ProxyServer,
  options: Agent.Options,
  tls: buildConnector.BuildOptions,
): Dispatcher {
  // The connections that undici opens to the proxy have none of the agent's options.
  const connectTo = (origin: string | URL, given: object): Pool =>
    new Pool(origin, { ...options, ...given });
  return new ProxyAgent({
    ...options,
    uri: proxy.url.href,
    requestTls: tls,
    proxyTls: { ...tls, allowH2: false },
    factory: connectTo,
    clientFactory: (origin, given) => connectTo(origin, given).compose(blame(proxy)),
  });
}

/** undici asks for tunnels through a client that does nothing else: all its errors are the proxy's. */
function blame(proxy: ProxyServer): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const request = `CONNECT ${options.path}`;
    return dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onRequestUpgrade(controller, status, headers, socket) {
        if (status === 200) {
          handler.onRequestUpgrade?.(controller, status, headers, socket);
          return;
        }
        socket.on('error', () => undefined).destroy();
        handler.onResponseError?.(controller, proxyRefusal(status, proxy, request));
      },
      onResponseError: (controller, error) =>
        handler.onResponseError?.(controller, proxyError(error, proxy, request)),
    });
  };
}
