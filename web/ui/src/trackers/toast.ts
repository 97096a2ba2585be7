import { createContext, useContext } from 'react';

/** Toast tells what was done. */
export interface Toast {
  message: string;
  undo?: () => void;
}

export const ToastContext = createContext<{ show: (toast: Toast) => void }>({ show: () => undefined });

export const useToast = () => useContext(ToastContext).show;
